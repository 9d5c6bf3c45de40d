cat
exit 7
