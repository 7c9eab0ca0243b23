// One head of attention: scores exist one tile at a time, in both directions. In the forward pass, rows are queries and
// the softmax runs along them. In the backward pass, rows are keys: the gradients of keys and values are then plain
// products, and only that of the queries needs a transposed operand.
#include "tile.h"

enum {
  FORWARD_ROWS = 96,   // queries per tile
  KEY_ROWS = 96,       // keys per tile in the backward pass
  QUERY_COLS = 256,    // and queries
};

// An even share of `count`, about `most`, in multiples of `unit`.
VT_INLINE size_t even_share(size_t count, size_t most, size_t unit) {
  size_t parts = (count + most - 1) / most;
  if (parts == 0) return most;
  size_t each = (count + parts - 1) / parts;
  return (each + unit - 1) / unit * unit;
}

VT_INLINE vt_gemm_a rows_of(const float *data, size_t stride, size_t depth) {
  return (vt_gemm_a){data, stride, depth, 1, 0, 0};
}

size_t vt_attention_forward_scratch(size_t keys, size_t dim) {
  return vt_panels_size(dim, keys) + vt_panels_size(keys, dim) + (FORWARD_ROWS + TILE_ROWS) * vt_score_stride(keys);
}

void vt_attention_forward(vt_isa isa, vt_head head, float *out, size_t ldo, float *lse,
                          float *scratch) {
  size_t keys = head.keys, dim = head.dim, ld = vt_score_stride(keys);
  float *key_panels = scratch, *value_panels = key_panels + vt_panels_size(dim, keys);
  float *scores = value_panels + vt_panels_size(keys, dim);
  vt_pack_panels(isa, key_panels, head.k, head.ldk, 1, dim, keys);
  vt_pack_panels(isa, value_panels, head.v, head.ldv, 0, keys, dim);
  size_t tile = even_share(head.queries, FORWARD_ROWS, TILE_ROWS);
  for (size_t first = 0; first < head.queries; first += tile) {
    size_t rows = head.queries - first < tile ? head.queries - first : tile;
    // Complete panels: beyond a row's end the products are zeros.
    vt_product(isa, scores, ld, rows_of(head.q + first * head.ldq, head.ldq, dim), key_panels, rows, ld,
               0, (vt_epilogue){0});
    vt_softmax_rows(isa, scores, lse + first, head.scale, head.bias ? head.bias + first * ld : 0,
                    head.mask ? head.mask + first * ld : 0, rows, keys);
    vt_product(isa, out + first * ldo, ldo, rows_of(scores, ld, keys), value_panels, rows, dim, 0,
               (vt_epilogue){0});
  }
}

size_t vt_attention_backward_scratch(size_t queries, size_t keys, size_t dim) {
  size_t cols = even_share(queries, QUERY_COLS, 16);
  (void)keys;
  return 2 * vt_panels_size(dim, cols) + 2 * vt_panels_size(cols, dim) +
         2 * (KEY_ROWS + TILE_ROWS + 1) * vt_score_stride(cols) + vt_weight_product_scratch(cols);
}

void vt_attention_backward(vt_isa isa, vt_head head, vt_head_gradient to, const float *dout,
                           const float *out, size_t ldo, const float *lse, float *dbias,
                           float *scratch) {
  size_t queries = head.queries, keys = head.keys, dim = head.dim;
  // Complete vectors, so that only the last band of queries is padded.
  size_t band = even_share(queries, QUERY_COLS, 16), tile = even_share(keys, KEY_ROWS, TILE_ROWS);
  float *turned_queries = scratch;                                     // [dim, queries]
  float *turned_dout = turned_queries + vt_panels_size(dim, band);     // [dim, queries]
  float *query_panels = turned_dout + vt_panels_size(dim, band);       // [queries, dim]
  float *dout_panels = query_panels + vt_panels_size(band, dim);       // [queries, dim]
  float *p = dout_panels + vt_panels_size(band, dim);
  size_t widest = vt_score_stride(band), all = vt_score_stride(queries);
  float *ds = p + (KEY_ROWS + TILE_ROWS) * widest;
  float *delta = ds + (KEY_ROWS + TILE_ROWS) * widest;
  float *sums = delta + widest;  // of exponentials, their logarithms
  float *rest = sums + widest;
  for (size_t first = 0; first < queries; first += band) {
    size_t cols = queries - first < band ? queries - first : band, ld = vt_score_stride(cols);
    const float *q = head.q + first * head.ldq, *dy = dout + first * ldo;
    vt_pack_panels(isa, turned_queries, q, head.ldq, 1, dim, cols);
    vt_pack_panels(isa, turned_dout, dy, ldo, 1, dim, cols);
    vt_pack_panels(isa, query_panels, q, head.ldq, 0, cols, dim);
    vt_pack_panels(isa, dout_panels, dy, ldo, 0, cols, dim);
    // The sum over keys of p dp is dout . out.
    vt_row_dots(isa, delta, dy, out + first * ldo, cols, dim, ldo, ldo);
    memcpy(sums, lse + first, cols * sizeof(float));
    for (size_t c = cols; c < ld; c++) sums[c] = delta[c] = 0;
    for (size_t key = 0; key < keys; key += tile) {
      size_t rows = keys - key < tile ? keys - key : tile;
      const float *k = head.k + key * head.ldk, *v = head.v + key * head.ldv;
      size_t at = key * all + first;
      vt_product(isa, p, ld, rows_of(k, head.ldk, dim), turned_queries, rows, ld, 0, (vt_epilogue){0});
      vt_product(isa, ds, ld, rows_of(v, head.ldv, dim), turned_dout, rows, ld, 0, (vt_epilogue){0});
      vt_scores_backward(isa, p, ds, sums, delta, head.scale, head.bias ? head.bias + at : 0,
                         head.mask ? head.mask + at : 0, all, dbias ? dbias + at : 0, rows, cols);
      int add_keys = to.keep_k || first > 0, add_values = to.keep_v || first > 0;
      vt_product(isa, to.dv + key * to.ldv, to.ldv, rows_of(p, ld, cols), dout_panels, rows, dim,
                 add_values, (vt_epilogue){0});
      vt_product(isa, to.dk + key * to.ldk, to.ldk, rows_of(ds, ld, cols), query_panels, rows, dim,
                 add_keys, (vt_epilogue){0});
      vt_gemm_b keys = {.data = k, .stride = head.ldk, .kernel_offsets = 1};
      vt_weight_product(isa, to.dq + first * to.ldq, to.ldq, ds, ld, 0, keys,
                        rows, cols, dim, to.keep_q || key > 0, rest);
    }
  }
}
