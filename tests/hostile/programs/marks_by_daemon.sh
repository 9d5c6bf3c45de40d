if [ -e first ]; then
    : > second
    sleep 0.6
    if [ -e later ]; then echo "a daemon of the first case wrote"; fi
else
    (trap '' TERM HUP; setsid sh -c 'for i in $(seq 400); do
        if [ -e second ]; then echo x > later; exit; fi
        sleep 0.05
    done' </dev/null >/dev/null 2>&1 &)
    : > first
fi
echo held
