/**
 * The parameters of sntrup761 (NTRU Prime, round 3, section 3.7): polynomials
 * with {@linkcode P} coefficients modulo `x^P - x - 1`, their coefficients
 * modulo {@linkcode Q} or modulo 3, always in the range around zero.
 *
 * @module
 */

/** Coefficients of a polynomial. */
export const P = 761;
/** The modulus of large coefficients. */
export const Q = 4591;
/** Coefficients of a short polynomial that are not zero. */
export const W = 286;
