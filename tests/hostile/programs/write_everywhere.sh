for d in / /usr /usr/bin /etc /dev /proc/sys/kernel /run /run/lock /var/tmp /lib /proc/1; do
    ( echo x > "$d/mark" ) 2>/dev/null && echo "wrote $d"
done
for f in /etc/passwd /usr/bin/env /proc/sys/kernel/core_pattern /proc/sysrq-trigger /dev/kmsg /dev/mem; do
    ( echo x > "$f" ) 2>/dev/null && echo "wrote $f"
done
chmod 777 /dev/null /usr/bin/env /etc/passwd 2>/dev/null && echo "changed a mode"
chown 1 /dev/null 2>/dev/null && echo "changed an owner"
exit 0
