/* exp and log for what models give: the same bits on every machine, which the C library's are not.
 * Only + - * / on doubles, in a fixed order; the build forbids fused multiply-add. */
#pragma once

/* Less than 1 ulp off. +inf above 709.78, 0 below -745.13. */
double elementary_exp(double x);

/* Less than 1 ulp off. x is positive, finite and normal. */
double elementary_log(double x);

/* glibc's logf() where that has no fused multiply-add: XGBoost turns a base score into a margin
 * with it. x is positive and finite. */
float elementary_log_float(float x);
