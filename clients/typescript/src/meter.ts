/** Passes a client's metrics to its hook. Names and labels are those of clients/README.md. */
import type { Metrics } from './options.js';

const NO_LABELS: Readonly<Record<string, string>> = Object.freeze({});

export class Meter {
  readonly on: boolean;
  private complained = false;

  constructor(private readonly metrics: Metrics | null) {
    this.on = metrics !== null;
  }

  called(call: string, result: string, ms: number): void {
    this.report((to) => {
      to.count('harrier_client_calls_total', 1, { call, result });
    });
    this.report((to) => {
      to.observe('harrier_client_call_seconds', ms / 1000, { call });
    });
  }

  scored(transactions: number): void {
    this.report((to) => {
      to.observe('harrier_client_transactions', transactions, NO_LABELS);
    });
  }

  retried(reason: 'connection' | 'unavailable' | 'not_primary'): void {
    this.report((to) => {
      to.count('harrier_client_retries_total', 1, { reason });
    });
  }

  fellBack(reason: string, transactions: number): void {
    this.report((to) => {
      to.count('harrier_client_fallbacks_total', transactions, { reason });
    });
  }

  inFlight(requests: number): void {
    this.report((to) => {
      to.set('harrier_client_in_flight', requests, NO_LABELS);
    });
  }

  routeChanged(address: string, up: boolean): void {
    this.report((to) => {
      to.set('harrier_client_address_up', up ? 1 : 0, { address });
    });
  }

  routeEjected(address: string): void {
    this.report((to) => {
      to.count('harrier_client_ejections_total', 1, { address });
    });
  }

  private report(what: (to: Metrics) => void): void {
    if (this.metrics === null) {
      return;
    }
    try {
      what(this.metrics);
    } catch (error) {
      // An exception of the hook must not fail the call.
      if (!this.complained) {
        this.complained = true;
        process.emitWarning(
          `harrier-client: the metrics hook failed, further failures are not reported: ${String(error)}`,
        );
      }
    }
  }
}
