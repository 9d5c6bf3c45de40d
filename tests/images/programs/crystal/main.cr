STDIN.each_line { |line| puts line }
exit 7
