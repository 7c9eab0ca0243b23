/// The rule files of this folder, embedded in the binary. `Conversion` reads them; nothing here knows
/// what they mean. A new file is added to the list below (a test compares it with the folder).
public enum EmbeddedConverters {
  /// What published networks have where no tensor shows it (`networks/published.yaml`).
  public static let publishedNetworks = PackageResources.published_yaml
  /// Networks that VTKit does not have, by their tensors' names (`networks/others.yaml`).
  public static let otherNetworks = PackageResources.others_yaml

  /// File name (without folder) and content of every rule file.
  public static let files: [(name: String, bytes: [UInt8])] = [
    ("cvt-huggingface-tf.yaml", PackageResources.cvt_huggingface_tf_yaml),
    ("cvt-huggingface.yaml", PackageResources.cvt_huggingface_yaml),
    ("cvt-lucidrains.yaml", PackageResources.cvt_lucidrains_yaml),
    ("cvt-microsoft.yaml", PackageResources.cvt_microsoft_yaml),
    ("cvt-vts_drloc.yaml", PackageResources.cvt_vts_drloc_yaml),
    ("resnet-huggingface.yaml", PackageResources.resnet_huggingface_yaml),
    ("resnet-keras-applications-3.yaml", PackageResources.resnet_keras_applications_3_yaml),
    ("resnet-keras-applications.yaml", PackageResources.resnet_keras_applications_yaml),
    ("resnet-timm.yaml", PackageResources.resnet_timm_yaml),
    ("resnet-torchvision.yaml", PackageResources.resnet_torchvision_yaml),
    ("resnet-vts_drloc.yaml", PackageResources.resnet_vts_drloc_yaml),
    ("swin-huggingface-tf.yaml", PackageResources.swin_huggingface_tf_yaml),
    ("swin-huggingface.yaml", PackageResources.swin_huggingface_yaml),
    ("swin-microsoft.yaml", PackageResources.swin_microsoft_yaml),
    ("swin-tfswin-3.yaml", PackageResources.swin_tfswin_3_yaml),
    ("swin-tfswin.yaml", PackageResources.swin_tfswin_yaml),
    ("swin-timm.yaml", PackageResources.swin_timm_yaml),
    ("swin-torchvision.yaml", PackageResources.swin_torchvision_yaml),
    ("swin-vts_drloc.yaml", PackageResources.swin_vts_drloc_yaml),
    ("t2t_vit-vts_drloc.yaml", PackageResources.t2t_vit_vts_drloc_yaml),
    ("t2t_vit-yitu.yaml", PackageResources.t2t_vit_yitu_yaml),
    ("vit-big-vision.yaml", PackageResources.vit_big_vision_yaml),
    ("vit-dinov2.yaml", PackageResources.vit_dinov2_yaml),
    ("vit-huggingface-clip.yaml", PackageResources.vit_huggingface_clip_yaml),
    ("vit-huggingface-dinov2.yaml", PackageResources.vit_huggingface_dinov2_yaml),
    ("vit-huggingface-tf.yaml", PackageResources.vit_huggingface_tf_yaml),
    ("vit-huggingface.yaml", PackageResources.vit_huggingface_yaml),
    ("vit-jax-vit.yaml", PackageResources.vit_jax_vit_yaml),
    ("vit-kecam.yaml", PackageResources.vit_kecam_yaml),
    ("vit-keras-hub.yaml", PackageResources.vit_keras_hub_yaml),
    ("vit-lucidrains.yaml", PackageResources.vit_lucidrains_yaml),
    ("vit-open-clip.yaml", PackageResources.vit_open_clip_yaml),
    ("vit-timm.yaml", PackageResources.vit_timm_yaml),
    ("vit-torchvision.yaml", PackageResources.vit_torchvision_yaml),
    ("vit-vit-keras-3.yaml", PackageResources.vit_vit_keras_3_yaml),
    ("vit-vit-keras.yaml", PackageResources.vit_vit_keras_yaml),
    ("vit-vts_drloc.yaml", PackageResources.vit_vts_drloc_yaml),
  ]
}
