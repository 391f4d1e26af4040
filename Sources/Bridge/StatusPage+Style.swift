extension StatusPage {
  /// Sizes in rem and columns that wrap: it holds at 320 px and at twice the size. Nothing is told by colour alone.
  static let style = #"""

    :root {
      color-scheme: light dark;
      --ground: #f3f4f5; --panel: #ffffff; --ink: #1b1f23; --dim: #586069; --line: #dde0e4; --edge: #7c848d;
      --accent: #0a5aa8; --on-accent: #ffffff; --fill: #d6e5f5; --pick: #e9f1fa; --mark: #fcf2df;
      --good: #14683a; --warn: #855000; --bad: #a8242c;
      --mono: ui-monospace, "SF Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace;
    }
    @media (prefers-color-scheme: dark) {
      :root {
        --ground: #101214; --panel: #181b1e; --ink: #e3e6e9; --dim: #9da5ad; --line: #2c3136; --edge: #747c85;
        --accent: #86bbf6; --on-accent: #0b1826; --fill: #1d3650; --pick: #1b2a3a; --mark: #33290f;
        --good: #77d096; --warn: #e7b768; --bad: #ff948b;
      }
    }
    * { box-sizing: border-box }
    body { margin: 0 auto; max-width: 96rem; padding: 0 1rem; background: var(--ground); color: var(--ink); font: .875rem/1.45 system-ui, sans-serif; font-variant-numeric: tabular-nums }
    [hidden] { display: none !important }
    .unseen, .skip:not(:focus) { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap }
    .skip:focus { position: absolute; z-index: 1; top: .5rem; left: .5rem; padding: .4rem .8rem; background: var(--panel) }
    p, dl, figure { margin: 0 }
    p { overflow-wrap: anywhere }
    a { color: var(--accent) }
    :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }

    header { display: flex; flex-wrap: wrap; align-items: baseline; gap: .25rem 1rem; padding: .9rem 0 .75rem }
    h1 { margin: 0; font-size: 1.15rem; font-weight: 650; letter-spacing: -.01em }
    #summary { flex: 1 1 16rem }
    #figures { display: flex; flex-wrap: wrap; flex-basis: 100%; gap: .1rem 1.25rem; color: var(--dim) }
    #figures div { display: flex; gap: .4rem }
    #figures dd { margin: 0; color: var(--ink) }
    .tools, .bar { display: flex; flex-wrap: wrap; align-items: baseline; gap: .5rem }
    .bar p { flex: 1 }

    main { display: grid; gap: .75rem }
    .column { display: grid; gap: .75rem; align-content: start; min-width: 0 }
    section { min-width: 0; padding: .7rem .9rem .8rem; background: var(--panel); border: 1px solid var(--line); border-radius: .4rem }
    h2 { margin: 0 0 .35rem; font-size: .875rem; font-weight: 650 }
    h2 span { font-family: var(--mono); font-weight: 500; overflow-wrap: anywhere }
    .hint, caption, figcaption, footer { color: var(--dim); font-size: .8125rem }
    .refusal, .bad { color: var(--bad) } .good { color: var(--good) } .warn { color: var(--warn) }
    footer { padding: .75rem 0 1.5rem }
    .away #apps .state { color: var(--dim) }
    .away section { border-style: dashed; border-color: var(--edge) }

    button, input, select, textarea { font: inherit; color: inherit; background: var(--panel); border: 1px solid var(--edge); border-radius: .3rem; padding: .2rem .55rem; min-height: 1.75rem }
    button { cursor: pointer }
    button:hover { border-color: var(--accent); color: var(--accent) }
    button[aria-pressed=true] { background: var(--accent); border-color: var(--accent); color: var(--on-accent) }
    input, textarea { min-width: 0; font-family: var(--mono) }
    [aria-invalid=true] { border-color: var(--bad) }
    form { display: flex; flex-wrap: wrap; align-items: baseline; gap: .35rem .5rem; margin-bottom: .4rem }
    form input { flex: 1 1 10rem; max-width: 30rem }
    form p { flex-basis: 100% }
    #trigger { display: block; margin: .35rem 0 0 }
    fieldset { display: grid; gap: .4rem; margin: 0; padding: 0; border: 0; min-width: 0; justify-items: start }
    fieldset:disabled { display: none }
    .pair { display: grid; grid-template-columns: 7rem 1fr; gap: .5rem; align-items: baseline; width: 100% }
    .pair input { max-width: none }
    textarea { resize: vertical }

    .scroll { max-height: 30rem; overflow: auto; margin: 0 -.4rem; padding: 0 .4rem }
    table { border-collapse: collapse; width: 100% }
    caption { text-align: left; padding-bottom: .2rem }
    th, td { text-align: left; vertical-align: baseline; padding: .22rem .9rem .22rem 0; border-top: 1px solid var(--line); unicode-bidi: isolate; white-space: nowrap }
    td:first-child { min-width: 4rem; white-space: normal; overflow-wrap: anywhere }
    #apps td:last-child, #members td { white-space: normal; overflow-wrap: anywhere } #apps td:last-child { min-width: 10rem }
    th { border-top: 0; color: var(--dim); font-weight: 500; font-size: .8125rem; white-space: nowrap }
    table:has(tbody:empty) thead { display: none }
    .scroll th { position: sticky; top: 0; background: var(--panel) }
    th:last-child, td:last-child { padding-right: 0 }
    .number { text-align: right }
    td:empty::after { content: "–"; color: var(--dim) }
    .state { --sign: "○" } .connected { --sign: "●" } .connecting { --sign: "◐" } .unavailable { --sign: "▲" }
    .state::before { display: inline-block; width: 1.1em; content: var(--sign) / "" }
    .connected { color: var(--good) } .connecting, .initialized { color: var(--warn) } .unavailable, .disconnected { color: var(--bad) }
    #channels td { vertical-align: top; padding-top: calc(.22rem + 2px) } #channels td:first-child { padding-top: .22rem }
    #channels button { padding: 0 .35rem; font-size: .8125rem; margin-left: -.35rem; min-height: 1.5rem; border-color: transparent; background: none; color: var(--accent); font-family: var(--mono); text-align: left; overflow-wrap: anywhere }
    #channels button:hover { border-color: var(--edge) }
    #channels button[aria-pressed=true] { background: var(--accent); color: var(--on-accent) }
    #members td, #events td { font-family: var(--mono); font-size: .8125rem }
    #events td:nth-child(1), #events td:nth-child(2) { white-space: nowrap }
    #events td:nth-child(2), #events td:nth-child(3) { max-width: 18rem; white-space: normal; overflow-wrap: anywhere; min-width: 9rem }
    #events td:last-child { width: 100%; white-space: pre-wrap; overflow-wrap: anywhere }
    #events .when { color: var(--dim) }
    #events .own td { color: var(--dim) }
    #events .gap td { background: var(--mark); color: var(--warn); font-family: inherit; font-size: .875rem; white-space: normal; border-block: 1px solid var(--warn); padding: .3rem .4rem }
    #events .gap + tr td { border-top: 0 }
    #events button { display: block; margin: .15rem 0; font-family: system-ui, sans-serif }
    .one .of-channel { display: none }

    .plot { position: relative; padding: 0 0 1.1rem; color: var(--dim); font-size: .75rem }
    .plot svg { display: block; width: 100%; height: 5.5rem }
    .plot span { position: absolute; bottom: 0 } .plot .top { top: .1rem; bottom: auto; left: .15rem } .plot .left { left: 0 } .plot .right { right: 0 }
    .rule { stroke: var(--line); vector-effect: non-scaling-stroke; fill: none }
    #area { fill: var(--fill) } #line { fill: none; stroke: var(--accent); stroke-width: 1.5; vector-effect: non-scaling-stroke }
    #rate-now { color: var(--ink) }

    @media (min-width: 64rem) {
      main { grid-template-columns: repeat(12, 1fr); align-items: start }
      #access { grid-column: 1 / -1 } #connection { grid-column: span 7 } #rate { grid-column: span 5 }
      #connection, #rate { align-self: stretch }
      .column { grid-column: span 5 } .column + .column { grid-column: span 7 }
    }
    @media (max-width: 40rem) {
      body { padding: 0 .6rem }
      .stacked thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }
      .stacked, .stacked tbody, .stacked caption { display: block }
      .stacked tr { display: flex; flex-wrap: wrap; gap: 0 1rem; padding: .35rem 0; border-top: 1px solid var(--line) }
      .stacked td { border: 0; padding: 0; text-align: left }
      #channels td, #channels td:first-child { padding-top: 0 }
      .stacked td:empty { display: none } #apps td:last-child { flex-basis: 100% }
      .stacked td:first-child { flex-basis: 100%; font-weight: 600 }
      .stacked td::before { content: attr(data-label) " " / ""; color: var(--dim); font-weight: 400 }
      .stacked td:first-child::before { content: none }
      .stacked td.state::before { content: var(--sign) / ""; color: inherit }
      .pair { grid-template-columns: 1fr; gap: .1rem }
      #event-table, #events, #event-table caption { display: block }
      #event-table thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }
      #events tr { display: flex; flex-wrap: wrap; gap: 0 .75rem; padding: .3rem 0; border-top: 1px solid var(--line) }
      #events td { border: 0; padding: 0; white-space: normal }
      #events .gap td { flex-basis: 100%; padding: .2rem .4rem }
    }
    @media (prefers-reduced-motion: no-preference) { button { transition: border-color .12s, color .12s } }

    """#
}
