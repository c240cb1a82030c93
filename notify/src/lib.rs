//! Alerts to Alertmanager: batches, bounded queues
