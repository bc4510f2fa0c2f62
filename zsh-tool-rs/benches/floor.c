/* The smallest program that can run a command and see its output: what no executor can beat. */
#define _GNU_SOURCE
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
    int ends[2], status;
    char block[65536];
    ssize_t length;
    if (argc != 3 || pipe2(ends, 0) != 0) return 125;
    pid_t pid = vfork();
    if (pid < 0) return 125;
    if (pid == 0) {
        dup2(ends[1], 1);
        dup2(ends[1], 2);
        close(ends[0]);
        close(ends[1]);
        execl(argv[1], "zsh", "-c", "--", argv[2], (char *)0);
        _exit(127);
    }
    close(ends[1]);
    while ((length = read(ends[0], block, sizeof block)) > 0)
        if (write(1, block, length) != length) return 125;
    if (waitpid(pid, &status, 0) != pid) return 125;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
