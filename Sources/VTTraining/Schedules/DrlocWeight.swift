/// λ over the epochs: constant, or up from 0 over the warm-up and then down to 0 at the end.
/// - Precondition: the options have a weight.
package func drlocWeight(_ options: DrlocOptions, epoch: Int, epochs: Int) -> Double {
  guard let weight = options.weight else { preconditionFailure("the recipe is not settled") }
  guard let warmup = options.scheduleWarmupEpochs else { return weight }
  if warmup > 0, epoch <= warmup { return min(weight / Double(warmup) * Double(epoch), weight) }
  guard epochs > warmup else { return weight }
  return max(0, weight * (1 - Double(epoch - warmup) / Double(epochs - warmup)))
}
