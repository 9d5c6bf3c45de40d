program echo
  implicit none
  character(len=200) :: line
  integer :: ended
  do
    read (*, '(a)', iostat=ended) line
    if (ended /= 0) exit
    write (*, '(a)') trim(line)
  end do
  stop 7
end program echo
