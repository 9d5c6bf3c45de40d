trap '' TERM INT HUP QUIT ALRM XCPU USR1 USR2
echo waiting
while :; do sleep 1; done
