import type { EngineEvent } from '../engine/protocol/events.ts';

interface StageProgress {
  readonly name: string;
  total: number;
  done: number;
}

const INTERVAL_MS = 200;

/** One line on the terminal while an action runs: stages, tasks, rows a second and the time left. */
export class ProgressLine {
  readonly #write: (text: string) => void;
  readonly #stages = new Map<number, StageProgress>();
  #actions = 0;
  #rows = 0;
  #startedAt = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  observe(event: EngineEvent): void {
    switch (event.kind) {
      case 'actionStarted':
        if (this.#actions++ === 0) this.#begin(event.at);
        return;
      case 'actionEnded':
        if (--this.#actions === 0) this.#end();
        return;
      case 'stageSubmitted': {
        const stage = this.#stages.get(event.stageKey) ?? { name: event.name, total: 0, done: 0 };
        stage.total = Math.max(stage.total, stage.done + event.tasks);
        this.#stages.set(event.stageKey, stage);
        return;
      }
      case 'taskEnded': {
        const stage = this.#stages.get(event.stageKey);
        if (event.status === 'succeeded' && stage !== undefined) stage.done++;
        this.#rows += event.rowsRead;
        return;
      }
      case 'stageCompleted':
      case 'taskStarted':
      case 'workerLost':
      case 'blockCached':
      case 'blockLost':
      case 'inputChanged':
      case 'outputsLost':
        return;
    }
  }

  #begin(at: number): void {
    this.#startedAt = at;
    this.#rows = 0;
    this.#stages.clear();
    this.#timer = setInterval(() => this.#draw(Date.now()), INTERVAL_MS);
    this.#timer.unref();
  }

  #end(): void {
    clearInterval(this.#timer);
    this.#write('\r\x1b[K');
  }

  #draw(now: number): void {
    this.#write(`\r${progressText([...this.#stages.values()], this.#rows, now - this.#startedAt)}\x1b[K`);
  }
}

/** `stage 1 (reduceByKey at report.ts:9) 7/8 · 2/3 stages · 1.2 M rows/s · 3 s left` */
export function progressText(stages: readonly StageProgress[], rows: number, elapsedMs: number): string {
  const current = stages.findLast((stage) => stage.done < stage.total) ?? stages.at(-1);
  if (current === undefined) return 'starting';
  const finished = stages.filter((stage) => stage.done >= stage.total).length;
  const [done, total] = stages.reduce(([d, t], stage) => [d + stage.done, t + stage.total], [0, 0]);
  const left = done === 0 ? '' : ` · ${Math.ceil((elapsedMs * (total - done)) / done / 1000)} s left`;
  const speed = elapsedMs === 0 ? 0 : (rows * 1000) / elapsedMs;
  return `${current.name} ${current.done}/${current.total} · ${finished}/${stages.length} stages · ${shortNumber(speed)} rows/s${left}`;
}

function shortNumber(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(1)} G`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)} M`;
  return value >= 1e3 ? `${(value / 1e3).toFixed(1)} k` : value.toFixed(0);
}
