import type { Attributes as OtelAttributes, Span } from "@opentelemetry/api";
import type { SupervisorEvent } from "../forward/supervise/supervisor_options.ts";
import type { TunnelConnection } from "../forward/tunnel/tunnel_connection.ts";
import { printable } from "../text/printable.ts";
import {
  DURATION_BOUNDS,
  type Instrument,
  instruments,
} from "./instruments.ts";
import type { SupervisorMetrics } from "./supervisor_metrics.ts";

/** Reports a supervisor's events as spans and its metrics, until disposed of. */
export interface OpenTelemetryReporter extends Disposable {
  /** Reports an event; {@linkcode SupervisorMetrics.record} has to receive it too. */
  record(event: SupervisorEvent): void;
}

/**
 * Reports to OpenTelemetry through `npm:@opentelemetry/api`, which is loaded
 * now: metrics (see `instruments`), a span `rforward.connect` for each attempt
 * to connect, and one `rforward.connection` for each connection through a
 * tunnel. Deno exports them with `OTEL_DENO=true`; another SDK that was
 * registered before does as well.
 *
 * @param metrics The supervisor's metrics.
 */
export async function openTelemetry(
  metrics: SupervisorMetrics,
): Promise<OpenTelemetryReporter> {
  const api = await import("@opentelemetry/api");
  const stop = observe(api.metrics.getMeter("rforward"), metrics);
  const duration = api.metrics.getMeter("rforward").createHistogram(
    instruments.duration.name,
    {
      ...textOf(instruments.duration),
      advice: { explicitBucketBoundaries: [...DURATION_BOUNDS] },
    },
  );
  const tracer = api.trace.getTracer("rforward");
  const { SpanKind, SpanStatusCode } = api;
  const spans = new Map<TunnelConnection, Span>();
  let connecting: Span | undefined;

  function end(span: Span | undefined, error?: Error & { code: string }): void {
    if (error) {
      span?.setAttribute("error.type", error.code);
      span?.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
    }
    span?.end();
  }

  function record(event: SupervisorEvent): void {
    switch (event.type) {
      case "connecting":
        end(connecting); // one that was to take over from a connection that is lost
        connecting = tracer.startSpan("rforward.connect", {
          kind: SpanKind.CLIENT,
          attributes: { "rforward.attempt": event.attempt },
        });
        break;
      case "connected": {
        const { hostname, port } = event.server;
        connecting?.setAttributes({
          "server.address": hostname,
          "server.port": port,
        });
        end(connecting);
        connecting = undefined;
        break;
      }
      case "waiting":
      case "switching":
      case "hand-over-failed":
      case "stopped":
        end(connecting, event.error);
        connecting = undefined;
        break;
      case "opened": {
        const { originator, target, openedAt } = event.connection;
        spans.set(
          event.connection,
          tracer.startSpan("rforward.connection", {
            kind: SpanKind.SERVER,
            startTime: openedAt,
            attributes: {
              "rforward.tunnel": event.tunnel,
              "rforward.target": target,
              "client.address": printable(originator.address),
              "client.port": originator.port,
            },
          }),
        );
        break;
      }
      case "closed": {
        const { connection, ms, error } = event;
        const span = spans.get(connection);
        spans.delete(connection);
        span?.setAttributes({
          "rforward.bytes_to_target": connection.bytesToTarget,
          "rforward.bytes_to_server": connection.bytesToServer,
        });
        end(span, error);
        duration.record(ms / 1000);
      }
    }
  }

  return {
    record,
    [Symbol.dispose]() {
      stop();
      end(connecting);
      for (const span of spans.values()) span.end();
      spans.clear();
    },
  };
}

type Meter = ReturnType<
  typeof import("@opentelemetry/api").metrics.getMeter
>;

/** Registers callbacks that read all metrics but the distribution when they are exported. */
function observe(meter: Meter, metrics: SupervisorMetrics): () => void {
  const observables = new Map(
    Object.values<Instrument>(instruments)
      .filter(({ kind }) => kind !== "histogram")
      .map((instrument) => [instrument.name, create(meter, instrument)]),
  );
  const all = [...observables.values()];
  const callback: Parameters<Meter["addBatchObservableCallback"]>[0] = (
    result,
  ) => {
    for (const { instrument, points } of metrics.read()) {
      const observable = observables.get(instrument.name);
      for (const { attributes, value } of points) {
        if (!observable || typeof value !== "number") continue;
        result.observe(observable, value, attributes as OtelAttributes);
      }
    }
  };
  meter.addBatchObservableCallback(callback, all);
  return () => meter.removeBatchObservableCallback(callback, all);
}

function create(meter: Meter, instrument: Instrument) {
  const { name, kind } = instrument;
  const options = textOf(instrument);
  switch (kind) {
    case "counter":
      return meter.createObservableCounter(name, options);
    case "updowncounter":
      return meter.createObservableUpDownCounter(name, options);
    default:
      return meter.createObservableGauge(name, options);
  }
}

function textOf({ unit, description }: Instrument) {
  return { unit, description };
}
