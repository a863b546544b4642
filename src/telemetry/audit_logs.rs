//! The audit as OTLP log records. They do not go through the queue of the other log lines: who ships them has to know
//! whether they came.

use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry::InstrumentationScope;
use opentelemetry::logs::{LogRecord as _, Logger as _, LoggerProvider as _, Severity};
use opentelemetry::trace::{SpanId, TraceFlags, TraceId};
use opentelemetry_otlp::LogExporter;
use opentelemetry_sdk::logs::{LogBatch, LogExporter as _, SdkLogRecord, SdkLogger, SdkLoggerProvider};

use super::export::{self, NoExporter};
use crate::domain::audit::Line;

/// The event of what is no entry.
const CHECKPOINT: &str = "checkpoint";

/// A receiver of the audit.
#[derive(Debug, Clone)]
pub struct AuditLogs {
    exporter: Arc<LogExporter>,
    /// Sends nothing: only it can make records.
    records: SdkLogger,
}

impl AuditLogs {
    /// The receiver at this URL. Headers and certificates are those of `OTEL_EXPORTER_OTLP_*`.
    ///
    /// # Errors
    /// It is no URL, or the environment names a certificate that cannot be read.
    pub fn to(endpoint: &str) -> Result<Self, NoExporter> {
        let mut exporter = export::audit(endpoint)?;
        exporter.set_resource(&super::resource());
        let records = SdkLoggerProvider::builder().build().logger("holdpoint.audit");
        Ok(Self { exporter: Arc::new(exporter), records })
    }

    /// Sends lines, each as the body of one record, and waits until the receiver has them.
    ///
    /// # Errors
    /// It does not have them, and why.
    pub async fn take(&self, lines: &[Line]) -> Result<(), String> {
        let scope = InstrumentationScope::builder("holdpoint.audit").build();
        let records: Vec<_> = lines.iter().map(|line| self.record(line)).collect();
        let batch: Vec<_> = records.iter().map(|record| (record, &scope)).collect();
        self.exporter.export(LogBatch::new(&batch)).await.map_err(|error| error.to_string())
    }

    fn record(&self, line: &Line) -> SdkLogRecord {
        let mut record = self.records.create_log_record();
        record.set_severity_number(Severity::Info);
        // Without one the exporter panics.
        record.set_observed_timestamp(SystemTime::now());
        if let Some(at) = line.at() {
            record.set_timestamp(at.into());
        }
        record.set_body(line.text.clone().into());
        let Some(fact) = line.fact() else {
            record.set_event_name(CHECKPOINT);
            return record;
        };
        record.set_event_name(fact.event.as_str());
        if let Some(approval) = &fact.approval {
            record.add_attribute("holdpoint.approval.id", approval.clone());
        }
        if let Some((trace, span)) = fact.spans().find_map(ids) {
            record.set_trace_context(trace, span, Some(TraceFlags::SAMPLED));
        }
        record
    }
}

fn ids(traceparent: &str) -> Option<(TraceId, SpanId)> {
    let mut parts = traceparent.split('-').skip(1);
    Some((TraceId::from_hex(parts.next()?).ok()?, SpanId::from_hex(parts.next()?).ok()?))
}
