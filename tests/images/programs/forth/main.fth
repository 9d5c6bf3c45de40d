create line 256 allot
: copy begin line 256 stdin read-line throw while line swap type cr repeat drop ;
copy
7 (bye)
