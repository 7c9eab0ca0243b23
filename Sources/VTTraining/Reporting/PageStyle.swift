/// How pages look: readable on a telephone and on paper, light or dark as the reader's system is.
package enum PageStyle {
  /// Colours of curves that the style has.
  static let colourCount = 6

  /// A whole page, with nothing to fetch.
  /// - Parameters:
  ///   - title: plain text.
  ///   - body: HTML.
  package static func page(_ title: String, _ body: String) -> String {
    """
    <!doctype html>
    <html lang="en"><head><meta charset="utf-8"><title>\(title.htmlEscaped)</title>
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <style>
    \(css)
    </style></head><body>
    \(body)
    </body></html>

    """
  }

  /// The rows of a table of figures, whose first column says what they are of.
  /// - Parameters:
  ///   - head: of each column, HTML.
  ///   - rows: HTML.
  package static func figures(_ head: [String], _ rows: [[String]]) -> String {
    func row(_ cells: [String], _ rest: String) -> String {
      cells.enumerated().map {
        $0.offset == 0 ? "<th>\($0.element)</th>" : "<\(rest)>\($0.element)</\(rest)>"
      }
      .joined()
    }
    return "<thead><tr>\(row(head, "th"))</tr></thead><tbody>"
      + rows.map { "<tr>\(row($0, "td"))</tr>" }.joined() + "</tbody>"
  }

  private static let css = """
    :root { color-scheme: light dark; --ink: #1d232b; --dim: #5d6874; --line: #dde2e7; --paper: #fff; --panel: #f3f5f7;
      --c0: #2f6fb0; --c1: #c2512f; --c2: #2c8656;
      --c3: #8457a8; --c4: #9a6a12; --c5: #54636f; --right: 44, 134, 86; --wrong: 205, 80, 50; }
    @media (prefers-color-scheme: dark) { :root { --ink: #e3e7eb; --dim: #9aa5b0; --line: #343b43; --paper: #15191d;
      --panel: #1f252b; --c0: #6fadea; --c1: #f0906f; --c2: #66c08a;
      --c3: #bd97de; --c4: #d9ab4c; --c5: #a3b1bd; } }
    * { box-sizing: border-box; }
    body { font: 16px/1.5 system-ui, sans-serif; margin: 1.5rem auto 3rem; max-width: 66rem; padding: 0 1rem;
      color: var(--ink); background: var(--paper); overflow-wrap: anywhere; }
    h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .3rem; }
    h2 { font-size: 1.2rem; margin: 2.2rem 0 .5rem; } h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
    p { margin: .4rem 0; max-width: 46rem; } a { color: var(--c0); }
    .dim, th, figcaption .key, nav { color: var(--dim); } .big { font-size: 2.4rem; font-weight: 600; line-height: 1.2; }
    nav { display: flex; flex-wrap: wrap; gap: .2rem 1rem; margin: 1rem 0 0; }
    .scroll { overflow: auto; max-width: 100%; max-height: 44rem; }
    table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
    td, th { padding: .22rem .9rem .22rem 0; text-align: left; vertical-align: top; font-weight: normal; }
    .figures th, .figures td { text-align: right; white-space: nowrap; }
    .figures th:first-child { text-align: left; white-space: normal; overflow-wrap: break-word; max-width: 14rem; color: inherit; }
    .figures thead th { white-space: normal; overflow-wrap: normal; position: sticky; top: 0; background: var(--paper); border-bottom: 1px solid var(--line); }
    .figures button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; }
    .facts pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; } .facts th { min-width: 10rem; } .facts td { width: 100%; }
    .confusion th, .confusion td { padding: .2rem; text-align: center; min-width: 2rem; }
    .confusion thead th { vertical-align: bottom; } .confusion tbody th { text-align: right; padding-right: .5rem; white-space: nowrap; }
    .confusion thead th span { writing-mode: vertical-rl; transform: rotate(180deg); max-height: 9rem; overflow: hidden; }
    .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 23rem), 1fr)); gap: 1.2rem; }
    figure { margin: 0; min-width: 0; } figcaption { line-height: 1.3; }
    .key { display: inline-block; } .key::before { content: ""; display: inline-block; width: 1.1em; height: .2em; margin: 0 .3em .25em .5em; background: currentColor; }
    .key.c0::before { background: var(--c0); } .key.c1::before { background: var(--c1); } .key.c2::before { background: var(--c2); }
    .key.c3::before { background: var(--c3); } .key.c4::before { background: var(--c4); } .key.c5::before { background: var(--c5); }
    .square { max-width: 21rem; } svg { display: block; width: 100%; height: auto; } svg text { fill: var(--dim); font: 12px system-ui, sans-serif; }
    .end { text-anchor: end; } .middle { text-anchor: middle; } .grid { stroke: var(--line); }
    .mark { stroke: var(--dim); stroke-dasharray: 3 3; } polyline { fill: none; stroke-width: 2; stroke-linejoin: round; }
    polyline.faint { stroke-width: 1; opacity: .4; }
    polyline.c0 { stroke: var(--c0); } polyline.c1 { stroke: var(--c1); } polyline.c2 { stroke: var(--c2); }
    polyline.c3 { stroke: var(--c3); } polyline.c4 { stroke: var(--c4); } polyline.c5 { stroke: var(--c5); }
    svg .name { fill: var(--ink); } .bar { stroke-width: 2; } .mean { stroke-width: 3; } .dot { fill-opacity: .55; }
    line.c0 { stroke: var(--c0); } line.c5 { stroke: var(--c5); } circle.c5 { fill: var(--c5); }
    circle.c0, rect.c0 { fill: var(--c0); } circle.c1 { fill: var(--c1); } circle.c2 { fill: var(--c2); }
    .pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(7.5rem, 1fr)); gap: 1rem .8rem; }
    .pictures img { display: block; width: 100%; height: 7.5rem; object-fit: contain; background: var(--panel); border-radius: 4px; }
    .places { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); gap: 1.2rem; margin-top: .8rem; font-size: .85rem; }
    .maps { display: grid; grid-template-columns: repeat(3, minmax(0, 6.5rem)); gap: .4rem; line-height: 1.3; }
    .map { position: relative; aspect-ratio: 1; border-radius: 4px; overflow: hidden; }
    .map::before { content: ""; position: absolute; inset: 0; background: var(--picture) center / cover; }
    .under::before { filter: grayscale(1); }
    .map img { position: absolute; width: 100%; height: 100%; opacity: .65; image-rendering: pixelated; }
    .scale { display: inline-block; width: 6rem; height: .7em; border-radius: 2px; }
    .pictures div { font-size: .85rem; line-height: 1.35; min-width: 0; }
    pre { background: var(--panel); padding: .6rem .8rem; border-radius: 4px; overflow-x: auto; max-width: 100%; margin: .4rem 0;
      overflow-wrap: normal; font-size: .85rem; } code { font-size: .9em; }
    """
}
