for path in /dev/kmsg /dev/mem /dev/kmem /dev/port /dev/vda /dev/sda /dev/nvme0n1 /dev/kvm /dev/fuse /dev/net/tun /dev/vsock /dev/loop-control /dev/mapper/control /dev/snapshot /dev/userfaultfd; do
  [ -e "$path" ] && { head -c 1 < "$path" >/dev/null; } 2>/dev/null && echo "read $path"
  [ -e "$path" ] && { : >> "$path"; } 2>/dev/null && echo "opened $path"
done
dmesg >/dev/null 2>&1 && echo "the kernel's log"
echo held
