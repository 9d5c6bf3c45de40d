while ischar(line = fgetl(stdin))
  puts([line "\n"]);
end
exit(7);
