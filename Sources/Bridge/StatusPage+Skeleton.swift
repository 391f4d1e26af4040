extension StatusPage {
  static let head = #"""
    <!doctype html>
    <html lang="en">
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>apinatord</title>
    <link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='5' fill='%234a90d9'/%3E%3C/svg%3E">

    """#

  /// Tables say their roles, which a browser would forget where they are laid out as something else (narrow windows).
  static let body = #"""
    <body>
    <a class="skip" href="#channels-title">Skip to channels</a>
    <a class="skip" href="#events-title">Skip to events</a>
    <header>
    <h1>apinatord</h1>
    <p id="summary" role="status">Asking the daemon…</p>
    <div class="tools">
    <span id="app-choice" hidden><label for="app">App</label> <select id="app"></select></span>
    <button type="button" id="pause" aria-pressed="false">Pause</button>
    </div>
    <dl id="figures"></dl>
    <noscript><p>This page needs JavaScript; /healthz, /channels and /metrics say the same.</p></noscript>
    </header>
    <main>

    <section id="access" aria-labelledby="access-title" hidden>
    <h2 id="access-title">Access</h2>
    <p id="access-reason"></p>
    <form id="token-form" autocomplete="off">
    <label for="token">Token</label>
    <input id="token" type="password" autocomplete="off" spellcheck="false" required aria-describedby="token-hint">
    <button>Use token</button>
    <button type="button" id="forget" hidden>Forget token</button>
    <p id="token-hint" class="hint">Sent to this daemon only, in a header. It is in this page’s memory and nowhere else: a reload forgets it.</p>
    </form>
    </section>

    <section id="connection" aria-labelledby="connection-title">
    <h2 id="connection-title">Connection to Apinator</h2>
    <table role="table" class="stacked">
    <caption class="unseen">State of the upstream connection of each app</caption>
    <thead role="rowgroup"><tr role="row">
    <th role="columnheader" scope="col">App<th role="columnheader" scope="col">State<th role="columnheader" scope="col">Since
    <th role="columnheader" scope="col" class="number">Attempts<th role="columnheader" scope="col">Next attempt<th role="columnheader" scope="col">Last error
    </thead>
    <tbody role="rowgroup" id="apps"></tbody>
    </table>
    </section>

    <section id="rate" aria-labelledby="rate-title">
    <h2 id="rate-title">Events a second</h2>
    <figure>
    <div class="plot">
    <svg id="plot" role="img" aria-labelledby="rate-title rate-now" viewBox="0 0 600 100" preserveAspectRatio="none">
    <path class="rule" d="M0 .5H600M0 50H600M0 99.5H600"/><path id="area"/><path id="line"/>
    </svg>
    <span class="top" id="plot-top" aria-hidden="true"></span><span class="left" aria-hidden="true">2 min ago</span><span class="right" aria-hidden="true">now</span>
    </div>
    <figcaption><span id="rate-now">Nothing measured yet.</span> <span id="rate-source" class="hint"></span></figcaption>
    </figure>
    </section>

    <div class="column">
    <section id="channel-list" aria-labelledby="channels-title">
    <h2 id="channels-title" tabindex="-1">Channels</h2>
    <form id="choose" autocomplete="off" role="search" aria-label="Channels">
    <label for="name">Channel name</label>
    <input id="name" type="text" maxlength="200" spellcheck="false" autocapitalize="off" aria-describedby="name-fault name-hint">
    <button>Watch</button>
    <button type="button" id="all" aria-pressed="false">Watch all</button>
    <p id="name-fault" class="refusal" hidden></p>
    <p id="name-hint" class="hint">Typing narrows the list. A watched channel is subscribed, and this page counts as one of its streams; “all” subscribes to none.</p>
    </form>
    <div class="scroll" role="group" aria-labelledby="channels-title" tabindex="0">
    <table role="table" class="stacked">
    <caption id="channels-caption">Not known yet.</caption>
    <thead role="rowgroup"><tr role="row">
    <th role="columnheader" scope="col">Channel<th role="columnheader" scope="col">Type<th role="columnheader" scope="col">Subscribed
    <th role="columnheader" scope="col" class="number">Streams<th role="columnheader" scope="col" class="number">Members
    </thead>
    <tbody role="rowgroup" id="channels"></tbody>
    </table>
    </div>
    </section>

    <section id="member-list" aria-labelledby="members-title" hidden>
    <h2 id="members-title">Members</h2>
    <div class="scroll" role="group" aria-labelledby="members-title" tabindex="0">
    <table role="table">
    <caption id="members-caption">Not known yet.</caption>
    <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">User<th role="columnheader" scope="col">Info</thead>
    <tbody role="rowgroup" id="members"></tbody>
    </table>
    </div>
    </section>

    </div>

    <div class="column">
    <section id="event-list" aria-labelledby="events-title">
    <h2 id="events-title" tabindex="-1">Events<span id="watched"></span></h2>
    <div class="bar">
    <p id="live" role="status">Not watching; choose a channel.</p>
    <button type="button" id="stop" hidden>Stop watching</button>
    </div>
    <div class="scroll" id="event-scroll" role="group" aria-labelledby="events-title" tabindex="0" hidden>
    <table role="table" id="event-table">
    <caption id="events-caption">Newest first; the last 200 stay on this page.</caption>
    <thead role="rowgroup"><tr role="row">
    <th role="columnheader" scope="col">Received<th role="columnheader" scope="col" class="of-channel">Channel<th role="columnheader" scope="col">Event<th role="columnheader" scope="col">Data
    </thead>
    <tbody role="rowgroup" id="events"></tbody>
    </table>
    </div>
    </section>

    <section aria-labelledby="trigger-title">
    <h2 id="trigger-title">Client event</h2>
    <p id="trigger-reason" tabindex="-1"></p>
    <form id="trigger" autocomplete="off" novalidate>
    <fieldset id="trigger-fields" aria-labelledby="trigger-title" aria-describedby="trigger-reason" disabled>
    <div class="pair"><label for="event">Event</label>
    <input id="event" type="text" value="client-" spellcheck="false" autocapitalize="off" aria-describedby="event-fault"></div>
    <div class="pair"><label for="data">Data (JSON)</label>
    <textarea id="data" rows="3" spellcheck="false" autocapitalize="off" aria-describedby="data-fault">{}</textarea></div>
    <p id="event-fault" class="refusal" hidden></p><p id="data-fault" class="refusal" hidden></p>
    <button>Send</button>
    </fieldset>
    </form>
    <p id="sent" role="status"></p>
    </section>
    </div>
    </main>
    <footer>
    <p class="hint">Asked every 2 s while this tab is seen. The same for programs: <a href="healthz">/healthz</a>, <a href="metrics">/metrics</a>, <a href="openapi.json">/openapi.json</a>.</p>
    </footer>

    """#
}
