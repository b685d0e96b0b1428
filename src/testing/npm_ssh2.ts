/**
 * npm:ssh2 as everything here has to import it.
 *
 * @module
 */

import { restoreCrypto } from "../ssh/ssh2/cipher_release.ts"; // has to come first
// @ts-types="@types/ssh2"
import ssh2 from "ssh2";

restoreCrypto();

export default ssh2;
