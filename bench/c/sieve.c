/* Sieve of Eratosthenes over bytes. Size: the limit. */
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    if (argc < 2) {
        return 1;
    }
    long limit = atol(argv[1]);
    char *composite = calloc((size_t)limit + 1, 1);
    if (!composite) {
        return 1;
    }
    long count = 0;
    for (long n = 2; n <= limit; n++) {
        if (!composite[n]) {
            count++;
            for (long multiple = n * n; multiple <= limit; multiple += n) {
                composite[multiple] = 1;
            }
        }
    }
    printf("%ld\n", count);
    free(composite);
    return 0;
}
