import { script } from "./page_script.ts";
import { style } from "./page_style.ts";

/** The whole status page. */
export const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>rforward</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<header>
<h1 id="destination">rforward</h1>
<span id="state" class="state soft" role="status" hidden>loading</span>
<p id="server"></p>
<p id="error" class="bad" hidden></p>
<p id="lost" class="bad" role="alert" hidden>The command does not answer. It may have ended.</p>
<noscript><p class="warn">This page needs JavaScript to show what happens; <a href="/status.json">status.json</a> has the same.</p></noscript>
</header>
<main id="main" hidden>
<h2>Forwards</h2>
<div id="tunnels"></div>
<p id="message" role="alert"></p>
<form id="key" hidden>
<label for="token">To pause and resume, enter the token, which the command printed or RFORWARD_STATUS_TOKEN has</label>
<input id="token" type="password" autocomplete="off" spellcheck="false">
<button>Use it</button>
</form>
<h2>Live connections: <span id="count">0</span></h2>
<div class="card scroll" tabindex="0" role="region" aria-label="Live connections">
<p id="none" class="empty">There are none.</p>
<table id="table" hidden>
<thead><tr><th scope="col">From</th><th scope="col" class="wide">At</th><th scope="col" class="number">Age</th><th scope="col" class="number">To target</th><th scope="col" class="number">To server</th></tr></thead>
<tbody id="connections"></tbody>
</table>
</div>
<h2>Last events</h2>
<div class="card scroll" tabindex="0" role="region" aria-label="Last events"><ol id="events"></ol></div>
</main>
<script>${script}</script>
</body>
</html>
`;
