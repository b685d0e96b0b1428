import {
  cookieFiles,
  type SoundTarget,
  soundTargets,
} from "../../../src/x2go/sound/sound_server.ts";
import { assertEquals } from "../../assert.ts";

function surroundings(env: Record<string, string>, uid: number | null = null) {
  return { env: (name: string) => env[name], uid: () => uid };
}

Deno.test("soundTargets() looks where PulseAudio and PipeWire listen, then at X2Go's port", () => {
  assertEquals(
    soundTargets("pulse", surroundings({ XDG_RUNTIME_DIR: "/run/me" }, 7)),
    [
      { path: "/run/me/pulse/native" },
      { path: "/run/user/7/pulse/native" },
      { port: 4713 },
    ],
  );
  assertEquals(
    soundTargets(
      "pulse",
      surroundings({
        PULSE_RUNTIME_PATH: "/pulse",
        XDG_RUNTIME_DIR: "/run/user/7",
      }, 7),
    ),
    [
      { path: "/pulse/native" },
      { path: "/run/user/7/pulse/native" },
      { port: 4713 },
    ],
  );
  assertEquals(soundTargets("pulse", surroundings({})), [{ port: 4713 }]);
});

Deno.test("soundTargets() reads PULSE_SERVER as libpulse does", () => {
  const servers: [string, SoundTarget[]][] = [
    ["unix:/mnt/wslg/PulseServer", [{ path: "/mnt/wslg/PulseServer" }]],
    ["/run/pulse", [{ path: "/run/pulse" }]],
    ["tcp:box:4000", [{ hostname: "box", port: 4000 }]],
    ["tcp4:10.0.0.1", [{ hostname: "10.0.0.1", port: 4713 }]],
    ["tcp6:[fe80::1]:99", [{ hostname: "fe80::1", port: 99 }]],
    ["box", [{ hostname: "box", port: 4713 }]],
    ["{abc}unix:/a {def}box:5", [{ path: "/a" }, { hostname: "box", port: 5 }]],
    ["::1 box", [{ hostname: "box", port: 4713 }]],
    ["", [{ port: 4713 }]],
    ["box:99999", [{ port: 4713 }]],
  ];
  for (const [PULSE_SERVER, targets] of servers) {
    assertEquals(
      soundTargets("pulse", surroundings({ PULSE_SERVER })),
      targets,
      PULSE_SERVER,
    );
  }
});

Deno.test("soundTargets() finds esd", () => {
  assertEquals(soundTargets("esd", surroundings({})), [{ port: 16001 }]);
  assertEquals(soundTargets("esd", surroundings({ ESPEAKER: "box:99" })), [
    { hostname: "box", port: 99 },
  ]);
});

Deno.test("cookieFiles() looks where libpulse does", () => {
  assertEquals(cookieFiles("pulse", surroundings({ HOME: "/home/me" })), [
    "/home/me/.config/pulse/cookie",
    "/home/me/.pulse-cookie",
  ]);
  assertEquals(
    cookieFiles(
      "pulse",
      surroundings({
        PULSE_COOKIE: "/cookie",
        XDG_CONFIG_HOME: "/config",
        USERPROFILE: "C:\\Users\\me",
      }),
    ),
    ["/cookie", "/config/pulse/cookie", "C:\\Users\\me/.pulse-cookie"],
  );
  assertEquals(cookieFiles("esd", surroundings({ HOME: "/home/me" })), [
    "/home/me/.esd_auth",
  ]);
  assertEquals(cookieFiles("pulse", surroundings({})), []);
});
