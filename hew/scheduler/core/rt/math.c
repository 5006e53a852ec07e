/* math.c - float operations that generated code does not have as instructions. */
#include <math.h>

#include "hew.h"

double hew_f64_pow(double a, double b)
{
    return pow(a, b);
}

double hew_f64_mod(double a, double b)
{
    return fmod(a, b);
}
