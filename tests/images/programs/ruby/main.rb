STDIN.each_line { |line| print line }
exit 7
