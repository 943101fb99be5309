import { describe, expect, it } from 'vitest';
import { type JobEvent, job, type ProbePoint } from '../../../src/jobs/index.ts';
import { end, keptLog, kinds, ManualClock, named, operators, type StoreUnderTest, statuses, step } from './harness.ts';
import { expectTimes } from './statuses.ts';

/** Section 13: events and probe points. */
export function eventConformance(store: StoreUnderTest): void {
  const create = operators(store);

  describe('events', () => {
    it('tells what happened in order, and stores what is to be kept', async () => {
      const operator = await create({ clock: new ManualClock() });
      const heard: JobEvent[] = [];
      operator.on('*', (event) => void (event.kind === 'progress' || heard.push(event)));
      let left = 1;
      const made = job(named('order'))
        .step('load', (s) =>
          s
            .read([1, 2, 3])
            .chunk(2)
            .process((n) => {
              if (n === 2) throw new TypeError('two');
              return n;
            })
            .skip(TypeError)
            .write(() => undefined),
        )
        .step('tell', (s) =>
          s
            .task(() => {
              if (left-- > 0) throw new TypeError('once');
            })
            .retry(TypeError, { jitter: 'none' }),
        )
        .step('no', (s) => s.task(() => 1), { if: () => false });
      const execution = await operator.run(made);
      expect(kinds(heard)).toEqual([
        'jobStarted',
        'stepStarted load',
        'chunkCommitted load',
        'itemSkipped load',
        'chunkCommitted load',
        'stepEnded load',
        'stepStarted tell',
        'retryScheduled tell',
        'stepEnded tell',
        'stepSkipped no',
        'jobEnded',
      ]);
      for (const event of heard) {
        expect(event).toMatchObject({ executionId: execution.id, jobName: made.name, at: expect.any(Date) });
      }
      const of = (kind: string) => heard.filter((event) => event.kind === kind);
      expect(of('jobEnded')).toEqual([expect.objectContaining({ status: 'COMPLETED' })]);
      expect(of('stepEnded').map(({ status }) => status)).toEqual(['COMPLETED', 'COMPLETED']);
      expect(of('itemSkipped')[0]).toMatchObject({ index: 1, phase: 'process' });
      expect(of('chunkCommitted').map(({ firstIndex, counts }) => [firstIndex, counts?.write])).toEqual([
        [0, 1],
        [2, 2],
      ]);
      expect(of('retryScheduled')[0]).toMatchObject({ attempt: 1, delayMs: 1000 });
      const stored = await operator.repository.events(execution.id);
      expect(kinds(stored)).toEqual([
        'jobStarted',
        'stepStarted load',
        'stepEnded load',
        'stepStarted tell',
        'stepEnded tell',
        'stepSkipped no',
        'jobEnded',
      ]);
      expect(stored[0]).toMatchObject({ executionId: execution.id, jobName: made.name, at: expect.any(Date) });
      expect(stored).toEqual(heard.filter(({ kind }) => stored.some((event) => event.kind === kind)));
    });

    it('tells after the commit that makes it true', async () => {
      const operator = await create();
      const checked: Promise<unknown>[] = [];
      operator.on('jobEnded', ({ executionId, status }) => {
        checked.push(operator.repository.execution(executionId).then((execution) => [status, execution.status]));
      });
      operator.on('stepEnded', ({ executionId, stepName = '' }) => {
        checked.push(operator.repository.execution(executionId).then((execution) => statuses(execution)[stepName]));
      });
      await operator.run(job(named('commit')).step('a', (s) => s.task(() => 1)));
      expect(await Promise.all(checked)).toEqual(['COMPLETED', ['COMPLETED', 'COMPLETED']]);
    });

    it('by kind, until it is told to end', async () => {
      const operator = await create();
      const heard: string[] = [];
      const listener = (event: JobEvent): void => void heard.push(event.kind);
      const ends = [operator.on('jobStarted', listener), operator.on('jobStarted', listener)];
      const made = job(named('kinds')).step('a', (s) => s.task(() => 1));
      await operator.run(made);
      expect(heard).toEqual(['jobStarted', 'jobStarted']);
      ends[0]?.();
      ends[0]?.();
      await operator.run(made);
      expect(heard).toHaveLength(3);
      ends[1]?.();
      await operator.run(made);
      expect(heard).toHaveLength(3);
    });

    it('a listener that throws is logged and harms nothing', async () => {
      const { lines, logger } = keptLog();
      const operator = await create({ logger });
      operator.on('stepStarted', () => {
        throw new Error('thrown in a listener');
      });
      operator.on('stepEnded', (() => Promise.reject(new Error('rejected in a listener'))) as () => void);
      const execution = await operator.run(job(named('harmless')).step('a', (s) => s.task(() => 1)));
      expect(execution.status).toBe('COMPLETED');
      const said = lines.filter(({ level }) => level === 'error').map(({ message }) => message);
      expect(said.some((line) => line.includes('thrown in a listener'))).toBe(true);
      expect(said.some((line) => line.includes('rejected in a listener'))).toBe(true);
    });

    it('partitions tell their index; a stop tells that it was asked for', async () => {
      const operator = await create();
      const heard: JobEvent[] = [];
      operator.on('*', (event) => void (event.kind === 'progress' || heard.push(event)));
      const made = job(named('partitions')).step('load', (s) =>
        s
          .partitions(() => ['a'])
          .read((c) => [c.partition.value])
          .write((_, chunk) => operator.stop(chunk.key && executionId)),
      );
      let executionId = '';
      const handle = await operator.launch(made);
      executionId = handle.executionId;
      await handle.finished();
      expect(heard.filter(({ partition }) => partition === 0).map(({ kind }) => kind)).toEqual([
        'stepStarted',
        'chunkCommitted',
        'stepEnded',
      ]);
      expect(heard.filter(({ kind }) => kind === 'stopRequested')).toHaveLength(1);
      expect(kinds(await operator.repository.events(executionId))).toContain('stopRequested');
    });
  });

  describe('probe', () => {
    it('is called at each point, with where', async () => {
      const points: unknown[] = [];
      const operator = await create({
        clock: new ManualClock(),
        probe: (point, { stepName, partition, firstIndex }) => points.push([point, stepName, partition, firstIndex]),
      });
      let left = 1;
      const made = job(named('points'))
        .step('load', (s) =>
          s
            .read([1, 2])
            .chunk(2)
            .write(() => undefined),
        )
        .step('tell', (s) =>
          s
            .task(() => {
              if (left-- > 0) throw new TypeError('once');
            })
            .retry(TypeError),
        );
      await operator.run(made);
      expect(points).toEqual([
        ['afterRead', 'load', undefined, 0],
        ['afterProcess', 'load', undefined, 0],
        ['beforeWrite', 'load', undefined, 0],
        ['beforeCommit', 'load', undefined, 0],
        ['afterCommit', 'load', undefined, 0],
        ['beforePublish', 'load', undefined, undefined],
        ['afterPublish', 'load', undefined, undefined],
        ['beforeBackoff', 'tell', undefined, undefined],
        ['beforeFinalStatus', '', undefined, undefined],
        ['afterFinalStatus', '', undefined, undefined],
      ]);
    });

    it('what it throws is an error at that point, and the execution ends as it should', async () => {
      const points: readonly [point: ProbePoint, step: 'load' | 'tell' | 'job'][] = [
        ['afterRead', 'load'],
        ['afterProcess', 'load'],
        ['beforeWrite', 'load'],
        ['beforeCommit', 'load'],
        ['afterCommit', 'load'],
        ['beforePublish', 'load'],
        ['afterPublish', 'load'],
        ['beforeBackoff', 'tell'],
        ['beforeFinalStatus', 'job'],
      ];
      for (const [at, where] of points) {
        const operator = await create({
          clock: new ManualClock(),
          probe: (point) => {
            if (point === at) throw new Error(`thrown at ${point}`);
          },
        });
        let left = 1;
        const made = job(named('throws'), { parallel: true })
          .step('load', (s) => s.read([1, 2]).write(() => undefined))
          .step('tell', (s) =>
            s
              .task(() => {
                if (left-- > 0) throw new TypeError('once');
              })
              .retry(TypeError),
          );
        const execution = await end(operator, made);
        expect(execution, at).toMatchObject({ status: 'FAILED', failure: { message: `thrown at ${at}` } });
        if (where !== 'job') expect(step(execution, where).status, at).toBe('FAILED');
        expect(execution.failure?.step, at).toBe(where === 'job' ? undefined : where);
        expectTimes(execution);
      }
    });

    it('behind the final status it changes nothing', async () => {
      const operator = await create({
        probe: (point) => {
          if (point === 'afterFinalStatus') throw new Error('too late');
        },
      });
      const execution = await end(
        operator,
        job(named('late')).step('a', (s) => s.task(() => 1)),
      );
      expect(execution.status).toBe('COMPLETED');
    });
  });
}
