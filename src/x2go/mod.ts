/**
 * X2Go: sessions on an X2Go server, and what of this side their programs can
 * use there. {@linkcode X2GoSession} is where to start.
 *
 * The server needs x2goserver; this side needs no X2Go software, except for a
 * display (nxproxy), which this module leaves to others.
 *
 * @module
 */

export { X2GoError, type X2GoErrorCode } from "./errors.ts";
export type { SshFileServer } from "./folders/folder_endpoint.ts";
export type { FolderOptions, FolderShare } from "./folders/folder_share.ts";
export {
  type Job,
  type JobHandler,
  runCommand,
  saveJobs,
} from "./jobs/jobs.ts";
export {
  superviseSession,
  type SuperviseSessionOptions,
} from "./session/supervise_session.ts";
export type { MimeBoxShare } from "./jobs/mime_box_share.ts";
export type { PrinterShare } from "./jobs/printer_share.ts";
export type { DisplayOptions, StartOptions } from "./server/protocol.ts";
export type { WaitOptions } from "./server/run_script.ts";
export { X2GoSession } from "./session/x2go_session.ts";
export type { SessionInfo, SessionState } from "./server/session_info.ts";
export type { SessionShare } from "./session/session_share.ts";
export type { SoundOptions, SoundShare } from "./sound/sound_share.ts";
export type { SoundSystem, SoundTarget } from "./sound/sound_server.ts";
export type { SpoolOptions, SpoolShare } from "./jobs/spool.ts";
