"""What scikit-learn says of predictions: JSON in on standard input, JSON out."""
import json
import sys
import warnings

import numpy
from sklearn import metrics

warnings.filterwarnings("ignore")
given = json.load(sys.stdin)
actual, predicted = numpy.array(given["actual"]), numpy.array(given["predicted"])
probabilities = numpy.array(given["probabilities"])
weights = numpy.array(given["weights"])
positive, score = actual == 0, probabilities[:, 0]
report = metrics.classification_report(actual, predicted, output_dict=True, zero_division=0)
false_rate, true_rate, thresholds = metrics.roc_curve(positive, score, drop_intermediate=False)
precision, recall, at = metrics.precision_recall_curve(positive, score)
json.dump(
    {
        "report": report,
        "confusion": metrics.confusion_matrix(actual, predicted).tolist(),
        "accuracy": metrics.accuracy_score(actual, predicted),
        "balanced_accuracy": metrics.balanced_accuracy_score(actual, predicted),
        "roc_area": metrics.roc_auc_score(positive, score),
        "roc_area_weighted": metrics.roc_auc_score(positive, score, sample_weight=weights),
        "average_precision": metrics.average_precision_score(positive, score),
        "average_precision_weighted": metrics.average_precision_score(positive, score, sample_weight=weights),
        # The first point of all versions stands for "nothing is called so".
        "roc": [false_rate.tolist(), true_rate.tolist(), thresholds.tolist()[1:]],
        "precision_recall": [precision.tolist(), recall.tolist(), at.tolist()],
        "log_loss": metrics.log_loss(actual, probabilities),
        "brier": metrics.brier_score_loss(positive, score),
    },
    sys.stdout,
)
