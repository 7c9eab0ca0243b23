// Opens code that is written once for vectors of LANES floats and included once for each LANES: L(exp) is exp8 or
// exp16, V and I are vectors of floats and integers, S(x) has x in every lane. lanes_end.h closes it.
#define VT_JOIN_(a, b) a##b
#define VT_JOIN(a, b) VT_JOIN_(a, b)
#define L(name) VT_JOIN(name, LANES)
#define V L(v)
#define I L(i32x)
#define S L(splat)
