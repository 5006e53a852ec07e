/* Naive Fibonacci numbers: what a call costs. Built with -O2 -fno-inline. Size: n. */
#include <stdio.h>
#include <stdlib.h>

static long fib(long n)
{
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        return 1;
    }
    printf("%ld\n", fib(atol(argv[1])));
    return 0;
}
