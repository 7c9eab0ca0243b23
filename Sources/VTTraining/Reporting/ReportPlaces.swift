import Foundation

/// Where in an image the drloc head errs, and what the classifier reads.
extension ReportPage {
  var places: String {
    let remarks = maps.remarks.map { "<p class=\"dim\">\($0.htmlEscaped)</p>" }.joined()
    let items = maps.pictures.filter { $0.errors != nil || $0.attention != nil }.compactMap(place)
    return items.isEmpty
      ? remarks : explanations + remarks + "<div class=\"places\">\(items.joined())</div>"
  }

  /// Of all pictures, so that their colours can be compared.
  private var largestError: Double { maps.pictures.flatMap { $0.errors ?? [] }.max() ?? 0 }

  private var explanations: String {
    var text = ["Validation images as the network sees them. Colours go from low \(HeatMap.scale) to high."]
    if let error = maps.error {
      let largest = ReportText.hundredths(largestError)
      text.append(
        """
        <b>Error of the drloc head</b>: how far its answers are from the true distances, in cells of the grid: the mean of \
        rows and columns, over the pairs that a cell is in. The colours go from 0 to \(largest) cells. Over all these images \
        it is \(ReportText.hundredths(error.mean)) cells; the best answer that never looks at the image has \
        \(ReportText.hundredths(error.constant)).
        """)
    }
    if maps.pictures.contains(where: { $0.attention != nil }) {
      text.append(
        """
        <b>Attention rollout</b>: how much of each patch reaches what the classifier reads through all blocks (Abnar and \
        Zuidema, "Quantifying Attention Flow in Transformers", 2020), in even shares: 1 is what each patch would have if all \
        had the same. The colours go from an image's least to its most. It shows what is read, and not why.
        """)
    }
    return text.map { "<p>\($0)</p>" }.joined()
  }

  private func place(_ picture: ReportMaps.Picture) -> String? {
    guard let style = HeatMap.pictureStyle(picture.image) else { return nil }
    func map(_ values: [Double]?, _ caption: String) -> String {
      "<figure>\(HeatMap.html(values, label: caption))<figcaption>\(caption.htmlEscaped)</figcaption></figure>"
    }
    var maps = [map(nil, name(picture.sample.label))]
    if let errors = picture.errors {
      let mean = errors.reduce(0, +) / Double(errors.count)
      maps.append(
        map(errors.map { $0 / max(largestError, 1e-9) }, "error \(ReportText.hundredths(mean)) cells"))
    }
    if let attention = picture.attention, let least = attention.min(), let most = attention.max() {
      let even = max(1e-30, attention.reduce(0, +) / Double(attention.count))
      let caption =
        "attention \(ReportText.hundredths(least / even)) to \(ReportText.hundredths(most / even))"
      maps.append(map(attention.map { ($0 - least) / max(1e-30, most - least) }, caption))
    }
    let file = (picture.sample.id as NSString).lastPathComponent.htmlEscaped
    return
      "<div><div class=\"maps\" style=\"\(style)\">\(maps.joined())</div><span class=\"dim\">\(file)</span></div>"
  }
}
