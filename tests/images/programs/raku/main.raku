.say for lines;
exit 7;
