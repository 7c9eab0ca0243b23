// The complete toolkit by one import:
//
//     import VTKit
//
//     let loaded = try LoadedCheckpoint.load("ViT-S_16.npz")
//
// The modules behind it stay apart, so that each knows only those before it (ARCHITECTURE.md). Clients need not know
// which of them holds what: this is the one module that the package offers.
@_exported import VTCheckpoint
@_exported import VTConversion
@_exported import VTCore
@_exported import VTData
@_exported import VTModels
@_exported import VTTensor
@_exported import VTTraining
