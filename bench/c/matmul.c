/* Product of two square matrices of double, rows behind pointers as in the Hew program. Size: rows. */
#include <stdio.h>
#include <stdlib.h>

static double **matrix(long n, long a, long b, long modulus)
{
    double **rows = malloc((size_t)n * sizeof *rows);
    for (long i = 0; i < n; i++) {
        rows[i] = malloc((size_t)n * sizeof **rows);
        for (long j = 0; j < n; j++) {
            rows[i][j] = (double)((a * i + b * j) % modulus);
        }
    }
    return rows;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        return 1;
    }
    long n = atol(argv[1]);
    double **x = matrix(n, 1, 1, 7), **y = matrix(n, 2, 1, 5);
    double total = 0.0;
    for (long i = 0; i < n; i++) {
        double *sums = calloc((size_t)n, sizeof *sums);
        for (long k = 0; k < n; k++) {
            double factor = x[i][k];
            const double *right = y[k];
            for (long j = 0; j < n; j++) {
                sums[j] += factor * right[j];
            }
        }
        for (long j = 0; j < n; j++) {
            total += sums[j];
        }
        free(sums);
    }
    printf("%ld\n", (long)total);
    return 0;
}
