echo small
while :; do echo 'one line after the other, without an end' >&2; done
