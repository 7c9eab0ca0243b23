import VTCore
import VTData

/// What `vtkit data` says.
struct DataReport {
  private let data: DataInspection
  private let check: ImageCheck

  /// Lines of a list that people get; JSON has all.
  private static let most = 10

  init(_ data: DataInspection, _ check: ImageCheck) { (self.data, self.check) = (data, check) }

  private func sample(_ place: ImageCheck.Place) -> Sample { data.parts[place.part].samples[place.index] }

  /// Images that have the same content in several sets, or in several classes of them.
  private var acrossSets: [[ImageCheck.Place]] { check.duplicates.filter { Set($0.map(\.part)).count > 1 } }
  private var acrossClasses: [[ImageCheck.Place]] {
    check.duplicates.filter { Set($0.map { sample($0).label }).count > 1 }
  }

  // MARK: Text

  var text: String {
    ["\(data.kind): \(data.path)", classTable, sizes, unreadable, exact, near].joined(separator: "\n")
  }

  private var classTable: String {
    let counts = data.parts.map { $0.counts(data.classes.count) }
    let titles = data.parts.map(\.title)
    func row(_ name: String, _ cells: [String]) -> [String] { [name] + cells }
    var table = Table([("class", .left)] + titles.map { ($0, .right) })
    for (label, name) in data.classes.enumerated() { table.add(row(name, counts.map { "\($0[label])" })) }
    table.add(
      row("\(data.classes.count.counted("class", "classes"))", data.parts.map { "\($0.samples.count)" }))
    return table.text
  }

  private var sizes: String {
    let all = check.sizes.sorted {
      ($1.value, $0.key.width, $0.key.height) < ($0.value, $1.key.width, $1.key.height)
    }
    guard let common = all.first else { return "sizes: no image could be read" }
    func size(_ width: Int, _ height: Int) -> String { "\(width) x \(height)" }
    if all.count == 1 { return "sizes: all \(size(common.key.width, common.key.height)) pixels" }
    let (widths, heights) = (all.map(\.key.width), all.map(\.key.height))
    return
      "sizes: \(all.count) kinds, \(widths.min()!) to \(widths.max()!) wide and \(heights.min()!) to \(heights.max()!) high; most often \(size(common.key.width, common.key.height)) (\(common.value.counted("image")))"
  }

  private func list(_ lines: [String]) -> String {
    let more = lines.count - Self.most
    return (lines.prefix(Self.most) + (more > 0 ? ["... and \(more) more (--json lists all)"] : [])).map {
      "\n  " + $0
    }.joined()
  }

  private var unreadable: String {
    if check.unreadable.isEmpty { return "unreadable: none" }
    return "unreadable: \(check.unreadable.count.counted("image"))"
      + list(check.unreadable.map(\.description))
  }

  private func name(_ place: ImageCheck.Place) -> String {
    "\(sample(place).id.printable) (\(data.classes[sample(place).label].printable))"
  }

  private var exact: String {
    if check.duplicates.isEmpty { return "exact duplicates: none" }
    let extra = check.duplicates.reduce(0) { $0 + $1.count - 1 }
    let across = acrossSets
    // What spoils a measurement comes first.
    let others = check.duplicates.filter { group in Set(group.map(\.part)).count == 1 }
    return
      "exact duplicates: \(extra.counted("image")) of the same content as another; \(across.count.counted("group")) across sets, \(acrossClasses.count) across classes"
      + list((across + others).map { $0.map(name).joined(separator: " = ") })
  }

  private var near: String {
    var text = "near duplicates across sets: "
    text += check.alike.isEmpty ? "none" : check.alike.count.counted("image")
    text += " (\(LikenessHash.method))"
    if check.plain > 0 {
      text +=
        "\n  \(check.plain.counted("image")) of one tone \(check.plain == 1 ? "was" : "were") not compared"
    }
    if check.uncompared > 0 {
      text += "\n  \(check.uncompared.counted("image")) resemble so many that not all pairs were compared"
    }
    return text + list(check.alike.map { "\(name($0.second)) ~ \(name($0.first)), \($0.bits) bits" })
  }

  // MARK: JSON

  var json: JSON {
    func place(_ place: ImageCheck.Place) -> JSON {
      .object([
        "image": .string(sample(place).id), "set": data.parts[place.part].name.map { .string($0) } ?? .null,
        "class": .string(data.classes[sample(place).label]),
      ])
    }
    let sets = data.parts.map { part in
      let counts = part.counts(data.classes.count)
      return JSON.object([
        "name": part.name.map { .string($0) } ?? .null, "images": .int(part.samples.count),
        "classes": .object(zip(data.classes, counts).map { .init(key: $0, value: .int($1)) }),
      ])
    }
    let sizes = check.sizes.sorted { ($0.key.width, $0.key.height) < ($1.key.width, $1.key.height) }.map {
      size, count in
      JSON.object(["width": .int(size.width), "height": .int(size.height), "images": .int(count)])
    }
    return .object([
      "kind": .string(data.kind), "path": .string(data.path),
      "classes": .array(data.classes.map { .string($0) }), "sets": .array(sets), "sizes": .array(sizes),
      "unreadable": .array(
        check.unreadable.map {
          .object(["image": $0.file.map { .string($0) } ?? .null, "reason": .string($0.problem)])
        }),
      "duplicates": .array(check.duplicates.map { .array($0.map(place)) }),
      "near_duplicates": .array(
        check.alike.map {
          .object(["first": place($0.first), "second": place($0.second), "bits": .int($0.bits)])
        }),
      "near_duplicate_method": .string(LikenessHash.method), "of_one_tone": .int(check.plain),
      "not_fully_compared": .int(check.uncompared),
      "notes": .array(data.remarks.notes.map { .string($0) }),
      "warnings": .array(data.remarks.warnings.map { .string($0) }),
    ])
  }
}
