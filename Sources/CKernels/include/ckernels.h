// Kernels for what a BLAS does not offer. All functions here: row-major float32, sizes in elements, no alignment
// assumed, no allocation, no threads; outputs do not overlap inputs unless "in place" is said; `accumulate` adds to the
// output instead of overwriting it. `isa` selects the variant, so that tests can compare them all: VT_ISA_SCALAR is the
// reference, written for clarity, with double accumulators.
#ifndef VT_CKERNELS_H
#define VT_CKERNELS_H

#include <stddef.h>
#include <stdint.h>

/// VT_ISA_AVX512 has vectors of sixteen for products and other kernels that gain by them, and shares the rest with
/// VT_ISA_AVX2.
typedef enum { VT_ISA_SCALAR = 0, VT_ISA_PORTABLE = 1, VT_ISA_AVX2 = 2, VT_ISA_AVX512 = 3 } vt_isa;

/// Tells the processor that this thread is spinning.
static inline void vt_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/// Whether this processor supports `isa`.
int vt_isa_supported(vt_isa isa);

typedef enum {
  VT_ACTIVATION_NONE = 0,
  VT_ACTIVATION_GELU = 1,        // x Phi(x), exact (erf)
  VT_ACTIVATION_GELU_TANH = 2,   // x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
  VT_ACTIVATION_QUICK_GELU = 3,  // x sigmoid(1.702 x)
  VT_ACTIVATION_RELU = 4,
  VT_ACTIVATION_TANH = 5,
} vt_activation;

// activation.c

/// x[r, c] += bias[c] (bias may be null) in place, then y = act(x); rows `ld` apart in both. y may be x.
void vt_bias_activation(vt_isa isa, vt_activation kind, float *x, float *y, const float *bias,
                        size_t rows, size_t cols, size_t ld);
/// dx = dy * act'(x), x the value before the activation, and y = act(x) again where `y` is given; rows `ld` apart in all.
/// dx may be x or dy, and y the other of them.
void vt_activation_backward(vt_isa isa, vt_activation kind, float *dx, float *y, const float *dy,
                            const float *x, size_t rows, size_t cols, size_t ld);

// product.c

/// Operand A of a product: row i is the concatenation of `kernel_offsets` parts of `depth` elements each. Without
/// `cells` there is one part, which begins at data + i * stride; with `cells`, part t of row i begins at
/// data + cells[t * offset_stride + i] * stride, or is zeros if that cell is negative: a convolution without unfolding.
typedef struct {
  const float *data;
  size_t stride, depth, kernel_offsets;
  const int32_t *cells;
  size_t offset_stride;
} vt_gemm_a;

/// The epilogue, computed on a product c while it is in the cache: c += bias, out = act(c),
/// out = residual + row_scale * out. If `before` is given, the product is the gradient of act(before) instead:
/// out = c * act'(before), then again = act(before), which may be in c's place; `out` may be in `before`'s. Last,
/// sums[j] = sum of out's column j. A null pointer leaves its part out; without `out` it is c itself. All rows are as
/// far apart as c's.
typedef struct {
  vt_activation kind;
  float *out;
  const float *bias, *residual, *row_scale, *before;
  float *again, *sums;
} vt_epilogue;

/// Whether the products were compiled with optimization; without it, a BLAS is far faster.
int vt_product_is_optimized(void);
/// Elements of a packed matrix [depth, cols]: panels of sixteen columns, [depth, 16] each, the last padded.
size_t vt_panels_size(size_t depth, size_t cols);
/// Packs b [depth, cols] or, if `transposed`, b [cols, depth], rows `ldb` apart. Ranges of complete panels may be
/// packed separately: the panel of column 16 i begins at 16 i * depth.
void vt_pack_panels(vt_isa isa, float *panels, const float *b, size_t ldb, int transposed, size_t depth,
                    size_t cols);
/// Applies `epilogue` to c [rows, cols], for products that were computed elsewhere.
void vt_apply_epilogue(vt_isa isa, const vt_epilogue *epilogue, float *c, size_t ldc, size_t rows, size_t cols);
/// c [rows, cols] (+)= a * panels [kernel_offsets * depth, cols], then `epilogue`. Rows of c are `ldc` apart. An
/// element's bits do not depend on how the matrices are divided into tiles.
void vt_product(vt_isa isa, float *c, size_t ldc, vt_gemm_a a, const float *panels, size_t rows,
                size_t cols, int accumulate, vt_epilogue epilogue);

// weight_product.c

/// Operand B of a product over rows: row r is data + r * stride or, with `cells`, at kernel offset t
/// data + cells[t * offset_stride + r] * stride, zeros if that cell is negative; then
/// (x - mean[r]) * rstd[r] * gamma + beta if `mean` is given. The columns of offset t begin at t * offset_width of the
/// product; without `cells` there is one offset.
typedef struct {
  const float *data;
  size_t stride;
  const int32_t *cells;
  size_t kernel_offsets, offset_stride, offset_width;
  const float *mean, *rstd, *gamma, *beta;
} vt_gemm_b;

/// Elements of scratch memory that `vt_weight_product` needs for `m` columns of operand A.
size_t vt_weight_product_scratch(size_t m);
/// c [m, n] (+)= sum over rows of row_scale[r] * a[r, 0..<m] b[r, 0..<n] for each kernel offset; `row_scale` may be
/// null. Rows of a are `lda` apart, rows of c `ldc`. An element's bits do not depend on m and n.
void vt_weight_product(vt_isa isa, float *c, size_t ldc, const float *a, size_t lda,
                       const float *row_scale, vt_gemm_b b, size_t rows, size_t m, size_t n,
                       int accumulate, float *scratch);

// layer_norm.c

/// y = (x - mean) * rstd * gamma + beta for each row [cols]; writes mean[rows], rstd[rows]. rstd is
/// 1 / sqrt(var + eps), or 1 / (sqrt(var) + eps) if `eps_outside`.
void vt_layer_norm_forward(vt_isa isa, float *y, float *mean, float *rstd, const float *x,
                           const float *gamma, const float *beta, size_t rows, size_t cols,
                           float eps, int eps_outside);
/// dx = residual + gradient (residual may be null, or dx); dgamma[cols] += sum dy * xhat; dbeta[cols] += sum dy.
/// `outer_eps` is the eps that was added outside the root, 0 if it was inside.
void vt_layer_norm_backward(vt_isa isa, float *dx, float *dgamma, float *dbeta, const float *dy,
                            const float *x, const float *mean, const float *rstd,
                            const float *gamma, size_t rows, size_t cols, float outer_eps,
                            const float *residual);

// softmax.c

/// Elements from row to row of scores: `cols` rounded up to complete vectors. What is beyond a row's end may be read
/// and written, and is never part of a result.
size_t vt_score_stride(size_t cols);
/// In place over each row [cols]: x = softmax(scale * x + bias + mask), either may be null; lse[r] = log sum exp of the
/// softmax's input. Rows of all three are one score stride apart.
void vt_softmax_rows(vt_isa isa, float *x, float *lse, float scale, const float *bias,
                     const float *mask, size_t rows, size_t cols);
/// Probabilities and gradients of the scores, one column per query: p holds k . q and becomes
/// p = exp(scale * p + bias + mask - lse[c]); dp becomes p * (dp - delta[c]) * scale, and without the scale is added to
/// dbias if given. Rows of p and dp are one score stride apart, those of bias, mask and dbias `ldb`; lse and delta must
/// be readable up to that stride, too, with any values.
void vt_scores_backward(vt_isa isa, float *p, float *dp, const float *lse, const float *delta,
                        float scale, const float *bias, const float *mask, size_t ldb, float *dbias,
                        size_t rows, size_t cols);
/// delta[r] = sum_c a[r, c] * b[r, c], rows lda and ldb apart.
void vt_row_dots(vt_isa isa, float *delta, const float *a, const float *b, size_t rows,
                 size_t cols, size_t lda, size_t ldb);

// cross_entropy.c

/// Cross-entropy with label smoothing s over `classes`: loss[r] = (1-s) nll + s mean(-log p).
/// dlogits[r, c] = scale * (p - target). Labels are in 0..<classes.
void vt_cross_entropy(float *loss, float *dlogits, const float *logits, const int32_t *labels,
                      size_t rows, size_t classes, float smoothing, float scale);

// attention.c

/// One head: q [queries, dim], k and v [keys, dim], rows ld* apart. `bias` and `mask` are added to the scores,
/// [queries, keys] in the forward pass, transposed to [keys, queries] in the backward one, rows one score stride apart;
/// either may be null.
typedef struct {
  size_t queries, keys, dim;
  float scale;
  const float *q, *k, *v;
  size_t ldq, ldk, ldv;
  const float *bias, *mask;
} vt_head;

/// Where a head's gradients are written, rows ld* apart; added to what is there if `keep_*` is set.
typedef struct {
  float *dq, *dk, *dv;
  size_t ldq, ldk, ldv;
  int keep_q, keep_k, keep_v;
} vt_head_gradient;

/// Elements of scratch memory.
size_t vt_attention_forward_scratch(size_t keys, size_t dim);
size_t vt_attention_backward_scratch(size_t queries, size_t keys, size_t dim);
/// out [queries, dim] = softmax(scale q k^T + bias + mask) v, rows ldo apart; lse[queries], the log of each row's sum of
/// exponentials.
void vt_attention_forward(vt_isa isa, vt_head head, float *out, size_t ldo, float *lse,
                          float *scratch);
/// The gradients from dout [queries, dim]; dbias [keys, queries] += if given, rows one score stride apart. Rows of dout
/// and out are ldo apart.
void vt_attention_backward(vt_isa isa, vt_head head, vt_head_gradient to, const float *dout,
                           const float *out, size_t ldo, const float *lse, float *dbias,
                           float *scratch);

// elementwise.c

/// y = a + scale * b. y may be a or b.
void vt_add_scaled(vt_isa isa, float *y, const float *a, const float *b, float scale, size_t count);
/// y[r, c] = residual[r, c] + scales[r] * y[r, c] (scales may be null), rows `ld` apart in both.
void vt_add_rows(vt_isa isa, float *y, const float *residual, const float *scales, size_t rows, size_t cols,
                 size_t ld);
/// x *= scale.
void vt_scale(vt_isa isa, float *x, float scale, size_t count);
/// y[c] (+)= sum over rows of x[r, c], rows `ld` apart.
void vt_column_sums(vt_isa isa, float *y, const float *x, size_t rows, size_t cols, size_t ld,
                    int accumulate);
/// Sum of squares in double, in index order of eight interleaved partial sums.
double vt_sum_of_squares(const float *x, size_t count);
/// out[i] = (pixels[i] / 255 * scale - mean[i % 3]) / std[i % 3] for `count` RGB pixels; if `is_bgr`, the output's
/// first channel is the pixels' last, and `mean` and `std` are the output's.
void vt_normalize_rgb(float *out, const uint8_t *pixels, float scale, const float *mean, const float *std,
                      int is_bgr, size_t count);

// optimizer.c

/// One AdamW step: p -= lr*decay*p; m, v moments of g*gradient_scale; p -= lr * mhat / (sqrt(vhat) + eps).
/// correction1 = 1 - beta1^t, correction2 = 1 - beta2^t.
void vt_adamw(vt_isa isa, float *p, float *m, float *v, const float *g, size_t count, float lr,
              float decay, float beta1, float beta2, float eps, float correction1,
              float correction2, float gradient_scale);

/// One Lion step with g = gradient * gradient_scale: p = p (1 - lr*decay) - lr sign(beta1*m + (1-beta1)*g); then m = beta2*m +
/// (1-beta2)*g. The sign of 0 is 0.
void vt_lion(float *p, float *m, const float *g, size_t count, float lr, float decay, float beta1, float beta2,
             float gradient_scale);

// random.c

/// Philox4x32-10 (Salmon et al., SC 2011): four words from a 128-bit counter and a 64-bit key.
void vt_philox(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2]);
/// Inverted dropout, y = x * keep(i) / (1 - rate) (+ y): keep(i) depends only on (key, stream, i).
void vt_dropout(float *y, const float *x, size_t begin, size_t count, float rate,
                const uint32_t key[2], uint64_t stream, int accumulate);

// convolution.c: images are [height, width, channels].

/// Where a kernel of a convolution or pooling is applied: `kernel` squared cells, every `stride`, over an image with
/// `padding` empty cells around it.
typedef struct {
  size_t height, width, channels;
  size_t kernel, stride, padding;
  size_t out_height, out_width;
} vt_geometry;

/// Columns of output cells first..<first+count, [count, kernel * kernel * channels] (row, column, channel).
void vt_unfold(float *out, const float *image, vt_geometry g, size_t first, size_t count);
/// The same with channels first, [count, channels * kernel * kernel], as torch.nn.Unfold orders them.
void vt_unfold_channels(float *out, const float *image, vt_geometry g, size_t first, size_t count);
/// The transpose of that: image += columns, cell after cell.
void vt_fold_channels(float *image, const float *columns, vt_geometry g, size_t first, size_t count);

/// Each channel with its own kernel: y [rows.., out_width, channels] for output rows first..<first+count; weight
/// [kernel * kernel, channels].
void vt_depthwise_forward(vt_isa isa, float *y, const float *x, const float *weight, vt_geometry g,
                          size_t first, size_t count);
/// dx (+)= gradient of a whole image; dy [out_height, out_width, channels].
void vt_depthwise_backward_input(vt_isa isa, float *dx, const float *dy, const float *weight,
                                 vt_geometry g, int accumulate);
/// dweight [kernel * kernel, channels] += gradient of a whole image.
void vt_depthwise_backward_weight(vt_isa isa, float *dweight, const float *dy, const float *x,
                                  vt_geometry g);

/// y = maximum of each neighbourhood of output cells first..<first+count, padding left out; `which` receives the index
/// of its cell. Kernels of at most 15 by 15.
void vt_max_pool(vt_isa isa, float *y, uint8_t *which, const float *x, vt_geometry g, size_t first,
                 size_t count);
/// dx += dy at the cells that were largest.
void vt_max_pool_backward(float *dx, const float *dy, const uint8_t *which, vt_geometry g);
/// y = mean of each neighbourhood, padding neither added nor counted.
void vt_average_pool(float *y, const float *x, vt_geometry g);
void vt_average_pool_backward(float *dx, const float *dy, vt_geometry g);

/// Four neighbours side by side, [ceil(h/2) * ceil(w/2), 4 * channels]: (0,0), (1,0), (0,1), (1,1) as (row,
/// column); cells past an odd edge are zero.
void vt_merge_patches(float *out, const float *image, size_t height, size_t width, size_t channels);
/// The transpose of it: image += merged.
void vt_merge_patches_backward(float *image, const float *merged, size_t height, size_t width,
                               size_t channels);

// batch_norm.c: columns are channels.

/// mean[cols] and m2[cols] = sum of squared distances from it, over rows [rows, cols].
void vt_column_moments(vt_isa isa, float *mean, float *m2, const float *x, size_t rows, size_t cols);
/// Mean and biased variance over all rows from the moments of pieces of them, [number, 2, cols], of counts[p] > 0 rows each.
void vt_merge_moments(float *mean, float *variance, const float *pieces, const size_t *counts,
                      size_t number, size_t cols);
/// totals[cols] = sums over rows, in double and in order.
void vt_column_totals(double *totals, const float *x, size_t rows, size_t cols);
/// y = x * scale + shift (+ residual), then max(0, y) where `relu`. residual may be null; y may be x.
void vt_channel_affine(vt_isa isa, float *y, const float *x, const float *scale, const float *shift,
                       const float *residual, int relu, size_t rows, size_t cols);
/// The mask of a norm's ReLU: elements with y > 0; without y, those with x * scale + shift > 0; without either, all.
typedef struct {
  const float *y, *scale, *shift;
} vt_gate;
/// With dz = dy where the mask passes, 0 elsewhere: sums[cols] += dz, dots[cols] += dz * (x - mean).
void vt_batch_norm_sums(vt_isa isa, float *sums, float *dots, const float *dy, vt_gate gate,
                        const float *x, const float *mean, size_t rows, size_t cols);
/// dx (+)= a * dz + b * (x - mean) + c, by channel, and dz itself if requested; dx and dz may be null, and dx may be
/// dy.
void vt_batch_norm_input(vt_isa isa, float *dx, float *dz, const float *dy, vt_gate gate, const float *x,
                         const float *mean, const float *a, const float *b, const float *c,
                         size_t rows, size_t cols, int add_dx, int add_dz);

// winograd.c: convolutions of 3 by 3, stride 1, padding 1, in tiles of 2 by 2 outputs; channels are multiples of 8.

/// The panels of sixteen planes, each vt_panels_size(depth, cols), for columns first..<first + count, `first` a
/// multiple of 16. The kernel of depth p and column j is at weight + p * depth_step + j * col_step, rotated by half a
/// turn if `turned`.
void vt_winograd_weights(float *panels, const float *weight, size_t depth, size_t cols, size_t depth_step,
                         size_t col_step, int turned, size_t first, size_t count);
/// v [16, tiles, channels], planes `plane` apart: the tiles of rows first..<first + rows of tiles of all images
/// x [batch, height, width, channels], transformed.
void vt_winograd_input(vt_isa isa, float *v, size_t plane, const float *x, size_t height, size_t width,
                       size_t channels, size_t first, size_t rows);
/// y (+)= m [16, tiles, channels] transformed back, plus bias, which may be null.
void vt_winograd_output(vt_isa isa, float *y, const float *m, size_t plane, const float *bias,
                        size_t height, size_t width, size_t channels, size_t first, size_t rows, int add);

/// d [16, tiles, channels]: the gradient of the planes' products from dy [batch, height, width, channels].
void vt_winograd_gradient(vt_isa isa, float *d, size_t plane, const float *dy, size_t height, size_t width,
                          size_t channels, size_t first, size_t rows);
/// dweight [outputs, inputs, 3, 3] (+)= the gradient of outputs first..<first + rows from that of the transformed
/// kernels, du [groups, 16, outputs, inputs], planes `plane` apart, the groups added in order.
void vt_winograd_weight_gradient(vt_isa isa, float *dweight, const float *du, size_t groups, size_t plane,
                                 size_t inputs, size_t first, size_t rows, int add);

// weight_standardization.c

/// y = (x - mean) / (deviation + eps) by row, with the biased deviation; if not `outside`, / sqrt(variance + eps).
void vt_standardize_rows(float *y, const float *x, float eps, int outside, size_t rows, size_t cols);
/// dx (+)= its gradient.
void vt_standardize_rows_backward(float *dx, const float *dy, const float *x, float eps, int outside,
                                  size_t rows, size_t cols, int accumulate);

// features.c

/// In place over p = w x [rows, features]: p = exp(p - |x|^2 / 2) * scale, the positive random features of
/// Performers; x [rows, dim], rows `ldx` apart.
void vt_positive_features(vt_isa isa, float *p, const float *x, float scale, size_t rows,
                          size_t features, size_t dim, size_t ldx);
/// In place: dp = dp * p; sums[r] = sum of the row.
void vt_positive_features_backward(vt_isa isa, float *dp, float *sums, const float *p, size_t rows,
                                   size_t features);

// convert.c

/// Copies a tensor of `rank` axes (at most 16) with its axes permuted: out axis k is in axis order[k]. `shape` is the
/// input's; `width` is the element size in bytes (1, 2, 4, 8 or 16). Only `count` rows of the output are written, from
/// row `first` on, to the beginning of `out`; a row is one index of the output's first axis longer than one. A larger
/// `count` means all remaining rows.
void vt_permute_bytes(void *out, const void *in, const size_t *shape, const int *order, int rank,
                      size_t width, size_t first, size_t count);
/// Reverses the bytes of each element; in place is allowed.
void vt_swap_bytes(void *out, const void *in, size_t count, size_t width);
/// Undoes HDF5's shuffle filter: the first bytes of all `count` elements, then the second ones, and so on become
/// elements of `width` bytes.
void vt_unshuffle(void *out, const void *in, size_t count, size_t width);
void vt_f32_from_f16(float *out, const void *in, size_t count);
void vt_f32_from_bf16(float *out, const void *in, size_t count);
/// Round to nearest, ties to even; NaN stays NaN.
void vt_f16_from_f32(void *out, const float *in, size_t count);
void vt_bf16_from_f32(void *out, const float *in, size_t count);

// not_finite.c

/// Number of NaN and infinite values among `count` little-endian floats of 2, 4 or 8 bytes: all bits of `exponent` are
/// set.
size_t vt_count_not_finite(const void *numbers, size_t count, size_t width, uint64_t exponent);

#endif
