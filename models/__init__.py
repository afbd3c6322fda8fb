"""What the monitor knows and decides: settings, themes, sources, rules, the database and the classifier.

Pure Python: nothing here imports Prefect, httpx or smtplib. (Trained classifiers are not kept here but under the data
folder.)
"""
