{ print }
END { exit 7 }
