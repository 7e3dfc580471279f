/* syscall_gate.c - the filter, and the handler that does what it stops.
 *
 * The filter lets one instruction pass, the one in gate_pass, through which the handler makes the
 * calls it allows; everything else of the table is a SIGSYS in the thread that asked. A thread that
 * blocked SIGSYS would be killed by it, so changes of the signal mask are stopped too, and made
 * without it: in the mask that the thread gets when the handler returns. */
#include "syscall_gate.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <ucontext.h>

#define SECTOR_BYTES 512u
#define PAGE_BYTES 4096u

/* The system call `number`; `gate_passed` is where it comes back to. */
long gate_pass(long number, long a, long b, long c, long d, long e, long f);
extern const char gate_passed[];
__asm__(".text\n"
        ".globl gate_pass\n"
        ".type gate_pass, @function\n"
        "gate_pass:\n"
        "    movq %rdi, %rax\n"
        "    movq %rsi, %rdi\n"
        "    movq %rdx, %rsi\n"
        "    movq %rcx, %rdx\n"
        "    movq %r8, %r10\n"
        "    movq %r9, %r8\n"
        "    movq 8(%rsp), %r9\n"
        "    syscall\n"
        ".globl gate_passed\n"
        "gate_passed:\n"
        "    ret\n"
        ".size gate_pass, . - gate_pass\n");

static gate_plan plan;
static gate_tally *tally;

/* ------------------------------------------------------------------------------- handler ---- */

static long make_call(long number, const greg_t *regs)
{
    return gate_pass(number, regs[REG_RDI], regs[REG_RSI], regs[REG_RDX], regs[REG_R10],
                     regs[REG_R8], regs[REG_R9]);
}

/* Half of it, as a file without a page cache would do it: in whole sectors or pages. */
static greg_t half_of(greg_t bytes)
{
    greg_t unit = bytes % PAGE_BYTES == 0     ? PAGE_BYTES
                  : bytes % SECTOR_BYTES == 0 ? SECTOR_BYTES
                                              : 1;
    greg_t half = bytes / 2 / unit * unit;
    return half > 0 ? half : bytes;
}

static void die(void)
{
    if (plan.before_kill != NULL) {
        plan.before_kill();
    }
    (void)gate_pass(SYS_kill, gate_pass(SYS_getpid, 0, 0, 0, 0, 0, 0), SIGKILL, 0, 0, 0, 0);
}

static bool strikes(size_t call)
{
    uint64_t all = atomic_fetch_add(&tally->all, 1) + 1;
    uint64_t one = atomic_fetch_add(&tally->of[call], 1) + 1;
    uint64_t now = plan.call == GATE_ANY ? all : plan.call == call ? one : 0;
    bool is_struck = plan.at != 0 && (plan.forever ? now >= plan.at : now == plan.at);
    atomic_fetch_add(&tally->struck, is_struck && plan.action != GATE_COUNT);
    return is_struck;
}

static long answer(const syscall_entry *entry, greg_t *regs)
{
    switch (plan.action) {
    case GATE_KILL:
        die();
        break;
    case GATE_KILL_PART:
        if (entry->moves_bytes) {
            regs[REG_RDX] = half_of(regs[REG_RDX]);
            (void)make_call(entry->number, regs);
        }
        die();
        break;
    case GATE_FAIL:
        if (entry->happens) {
            (void)make_call(entry->number, regs);
        }
        return -plan.error;
    case GATE_SHORTEN:
        if (entry->moves_bytes) {
            regs[REG_RDX] = half_of(regs[REG_RDX]);
        }
        break;
    case GATE_COUNT:
        break;
    }
    return make_call(entry->number, regs);
}

/* rt_sigprocmask, on the mask that the handler's return restores: the kernel's has 64 bits. */
static long change_mask(ucontext_t *thread, const greg_t *regs)
{
    uint64_t mask, change;
    memcpy(&mask, &thread->uc_sigmask, sizeof mask);
    const uint64_t before = mask;
    if (regs[REG_RSI] != 0) {
        memcpy(&change, (const void *)regs[REG_RSI], sizeof change);
        mask = regs[REG_RDI] == SIG_BLOCK     ? mask | change
               : regs[REG_RDI] == SIG_UNBLOCK ? mask & ~change
                                              : change;
        mask &= ~(UINT64_C(1) << (SIGSYS - 1));
        memcpy(&thread->uc_sigmask, &mask, sizeof mask);
    }
    if (regs[REG_RDX] != 0) {
        memcpy((void *)regs[REG_RDX], &before, sizeof before);
    }
    return 0;
}

static void on_call(int signal_number, siginfo_t *info, void *context)
{
    greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
    (void)signal_number;
    if (info->si_syscall == SYS_rt_sigprocmask) {
        regs[REG_RAX] = change_mask(context, regs);
        return;
    }
    size_t call = syscall_table_find(info->si_syscall);
    if (call == syscall_table_count) { /* a filter of somebody else's */
        die();
    }
    regs[REG_RAX] = strikes(call) ? answer(&syscall_table[call], regs)
                                  : make_call(syscall_table[call].number, regs);
}

/* -------------------------------------------------------------------------------- filter ---- */

static bool install_filter(void)
{
    uint64_t passed = (uintptr_t)gate_passed;
    struct sock_filter code[8 + GATE_CALLS_MAX + 1];
    size_t n = 0;
    unsigned char calls = (unsigned char)(syscall_table_count + 1);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                             offsetof(struct seccomp_data, instruction_pointer));
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)passed, 0, 2);
    code[n++] = (struct sock_filter)BPF_STMT(
        BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer) + 4);
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(passed >> 32),
                                             (unsigned char)(calls + 1), 0);
    code[n++] =
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < calls; i++) {
        long number = i < syscall_table_count ? syscall_table[i].number : SYS_rt_sigprocmask;
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number,
                                                 (unsigned char)(calls - i), 0);
    }
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
    const struct sock_fprog program = {.len = (unsigned short)n, .filter = code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

bool syscall_gate_close(const gate_plan *given, gate_tally *counts)
{
    struct sigaction action;
    if (syscall_table_count > GATE_CALLS_MAX) {
        return false;
    }
    plan = *given;
    tally = counts;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_call;
    action.sa_flags = SA_SIGINFO;
    (void)sigemptyset(&action.sa_mask);
    return sigaction(SIGSYS, &action, NULL) == 0 && install_filter();
}

#else
bool syscall_gate_close(const gate_plan *given, gate_tally *counts)
{
    (void)given;
    (void)counts;
    return false;
}
#endif

bool syscall_gate_works(void)
{
    static gate_tally counts;
    const gate_plan nothing = {.action = GATE_COUNT};
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        bool works =
            syscall_gate_close(&nothing, &counts) && getpid() > 0 && atomic_load(&counts.all) > 0;
        _exit(works ? 0 : 1);
    }
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}
