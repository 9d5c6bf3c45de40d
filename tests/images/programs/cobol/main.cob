identification division.
program-id. copying.
environment division.
input-output section.
file-control.
    select source-lines assign to keyboard organization is line sequential.
data division.
file section.
fd source-lines.
01 one-line pic x(80).
working-storage section.
01 ended pic 9 value 0.
procedure division.
    open input source-lines
    perform until ended = 1
        read source-lines
            at end move 1 to ended
            not at end display function trim(one-line)
        end-read
    end-perform
    close source-lines
    move 7 to return-code
    stop run.
