section .bss
buffer: resb 4096
section .text
global _start
_start:
    xor eax, eax
    xor edi, edi
    lea rsi, [rel buffer]
    mov edx, 4096
    syscall
    test rax, rax
    jle .done
    mov rdx, rax
    mov eax, 1
    mov edi, 1
    lea rsi, [rel buffer]
    syscall
    jmp _start
.done:
    mov eax, 60
    mov edi, 7
    syscall
