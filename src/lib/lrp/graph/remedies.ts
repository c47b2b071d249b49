const floats =
  'Give the model before its quantisation, or one quantised with QuantizeLinear and DequantizeLinear (QDQ).'
const evaluation = 'Switch the model to evaluation before exporting it (model.eval(), training=False).'
const fixed =
  'Export it with torch.onnx.export(…, do_constant_folding=True) or tf2onnx for a fixed picture size, with only the batch free.'
const preprocessing =
  "Leave it out of the graph: painlens cuts faces out at the manifest's size, and its mean and scale stand there too."
const head = "Drop the head: export the classes' scores, before an operator chooses among them."
const sequences = 'LRP here has rules for convolutional networks; export one, or set explanation.enabled to false.'

const rows: readonly (readonly [readonly string[], string])[] = [
  [['Resize', 'Upsample', 'CenterCropPad', 'ImageDecoder'], preprocessing],
  [['ArgMax', 'ArgMin', 'TopK', 'NonMaxSuppression', 'Greater', 'Less', 'OneHot', 'ZipMap'], head],
  [
    ['Softmax', 'LogSoftmax'],
    'A softmax is read as the head only; drop what comes behind it, or name the output before in the manifest (output).'
  ],
  [
    ['QLinearConv', 'QLinearMatMul', 'QGemm', 'MatMulInteger', 'ConvInteger', 'DynamicQuantizeLinear', 'QLinearAdd'],
    floats
  ],
  [
    ['If', 'Loop', 'Scan', 'Shape', 'ReduceProd', 'Expand', 'Range', 'NonZero', 'Where', 'ConstantOfShape', 'Tile'],
    fixed
  ],
  [['RandomNormal', 'RandomUniform', 'Bernoulli', 'BatchNormalization'], evaluation],
  [['LSTM', 'GRU', 'RNN', 'Attention', 'LayerNormalization', 'MultiHeadAttention', 'Einsum'], sequences]
]

const remedies = new Map(rows.flatMap(([operators, remedy]) => operators.map((operator) => [operator, remedy])))

/** What to do about an operator that LRP has no rule for, or not in this form. */
export function remedyFor(operator: string): string {
  return (
    remedies.get(operator) ??
    'Export the classifier with the operators of docs/operate/models.md, or set explanation.enabled to false.'
  )
}
