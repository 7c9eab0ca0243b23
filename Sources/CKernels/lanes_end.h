#undef S
#undef I
#undef V
#undef L
#undef VT_JOIN
#undef VT_JOIN_
#undef LANES
