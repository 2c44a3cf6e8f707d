/* tables.h - the kernels of an algorithm by cell, pass and arithmetic, and of small layers by the weights of a thread. */
#ifndef SQ_PERSISTENT_TABLES_H
#define SQ_PERSISTENT_TABLES_H

#include "kernels/persistent/kernel.h"

/* The kernels of one cell, pass and exchange by arithmetic. */
template <class cell, bool backward, class exchange> recurrence_kernel *recurrence_by_math(sq_math math) {
  static recurrence_kernel *const table[3] = {
      recurrence_main<cell, backward, product_f32, exchange>,
      recurrence_main<cell, backward, product_tf32<exchange::HELD>, exchange>,
      recurrence_main<cell, backward, product_bf16<exchange::HELD>, exchange>};
  return table[math];
}

/* The kernels of one cell in one exchange: both passes, one alone, or with weights in registers of as many as a
 * thread has. */
struct recurrence_shared {
  template <class cell, class exchange> static recurrence_kernel *of(int backward, sq_math math, int) {
    return backward ? recurrence_by_math<cell, true, exchange>(math)
                    : recurrence_by_math<cell, false, exchange>(math);
  }
};
struct recurrence_forward {
  template <class cell, class exchange> static recurrence_kernel *of(int, sq_math math, int) {
    return recurrence_by_math<cell, false, exchange>(math);
  }
};
struct recurrence_backward {
  template <class cell, class exchange> static recurrence_kernel *of(int, sq_math math, int) {
    return recurrence_by_math<cell, true, exchange>(math);
  }
};
struct recurrence_lanes {
  typedef product_lanes<LANES_EACH_SMALL> small;
  typedef product_lanes<LANES_EACH_LARGE> large;
  template <class cell, class exchange> static recurrence_kernel *of(int backward, sq_math, int each) {
    static recurrence_kernel *const smaller[2] = {recurrence_main<cell, false, small, exchange>,
                                                  recurrence_main<cell, true, small, exchange>};
    if constexpr (exchange::OWN_BLOCK && cell::GATES > 1) { /* no block has room for more units */
      return smaller[backward];
    } else {
      static recurrence_kernel *const larger[2] = {recurrence_main<cell, false, large, exchange>,
                                                   recurrence_main<cell, true, large, exchange>};
      return each > LANES_EACH_SMALL ? larger[backward] : smaller[backward];
    }
  }
};

/* In the order of RECURRENCE_CELLS. */
template <class exchange, class kernels = recurrence_shared>
recurrence_kernel *recurrence_find(int which, int backward, sq_math math, int each) {
  typedef recurrence_kernel *finder(int backward, sq_math math, int each);
  static finder *const finders[RECURRENCE_CELLS] = {kernels::template of<rnn_recurrence, exchange>,
                                                    kernels::template of<leaky_recurrence, exchange>,
                                                    kernels::template of<lstm_recurrence<4>, exchange>,
                                                    kernels::template of<lstm_recurrence<3>, exchange>,
                                                    kernels::template of<gru_after_recurrence, exchange>,
                                                    kernels::template of<gru_before_recurrence, exchange>};
  return finders[which](backward, math, each);
}

#endif
