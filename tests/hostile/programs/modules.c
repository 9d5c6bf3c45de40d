#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
    if (syscall(SYS_init_module, "", 0, "") >= 0 || errno != EPERM)
        puts("init_module");
    if (syscall(SYS_finit_module, -1, "", 0) >= 0 || errno != EPERM)
        puts("finit_module");
    if (syscall(SYS_delete_module, "no_such_module", 0) >= 0 || errno != EPERM)
        puts("delete_module");
    if (syscall(SYS_kexec_load, 0, 0, NULL, 0) >= 0 || errno != EPERM)
        puts("kexec");
    if (syscall(SYS_swapon, "/work/none", 0) >= 0 || errno != EPERM)
        puts("swap");
    if (syscall(SYS_acct, "/work/none") >= 0 || errno != EPERM)
        puts("acct");
    if (syscall(SYS_reboot, 0, 0, 0, NULL) >= 0 || errno != EPERM)
        puts("reboot");
    puts("held");
    return 0;
}
