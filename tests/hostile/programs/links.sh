for target in /etc/passwd /usr/bin/env /etc/hosts; do
  ln -s "$target" soft && { echo x >> soft; } 2>/dev/null && echo "wrote through to $target"
  rm -f soft
  ln "$target" hard 2>/dev/null && echo "linked $target"
done
ln -s /usr/bin dir && { echo x > dir/mark; } 2>/dev/null && echo "wrote into /usr/bin"
ln -s / up && mv main.sh up/usr/ 2>/dev/null && echo "moved out"
echo held
