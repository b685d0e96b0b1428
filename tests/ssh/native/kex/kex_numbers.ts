/** SSH_MSG_KEX_ECDH_INIT (RFC 5656 section 4): the client's public value. */
export const KEX_ECDH_INIT = 30;
/** SSH_MSG_KEX_ECDH_REPLY (RFC 5656 section 4): host key, the server's public value and signature. */
export const KEX_ECDH_REPLY = 31;
