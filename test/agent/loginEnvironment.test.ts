import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { LoginEnvironment } from '../../src/agent/processes/loginEnvironment';

const LOGIN = { shell: '/bin/bash', env: { HOME: '/home/somebody' } };

/** What the program that reads a login prints. */
function printed(variables: readonly string[], { umask = '0022', limits = '' } = {}): Buffer {
  const head = `${umask}\n${readFileSync('/proc/self/limits', 'latin1')}${limits}`;
  return Buffer.from(
    `${head}livemount-environment\0${variables.map((variable) => `${variable}\0`).join('')}`,
  );
}

function reading(...answers: (Buffer | undefined)[]) {
  const state = { now: 0, logins: 0 };
  const environment = new LoginEnvironment(
    async () => {
      const answer = answers[Math.min(state.logins++, answers.length - 1)];
      return answer;
    },
    () => state.now,
  );
  const variables = async () =>
    (await environment.forProgram(LOGIN))?.variables.map((variable) => variable.toString());
  return { state, variables, environment };
}

describe('what startup files make of a login', () => {
  it('is read once for programs that start at once, and by each alone otherwise', async () => {
    const { state, variables } = reading(
      printed(['A=1', 'SHLVL=1', 'PWD=/', '_=/bin/env']),
      printed(['A=2']),
    );
    assert.equal(await variables(), undefined);
    const burst = await Promise.all(Array.from({ length: 50 }, variables));
    assert.deepEqual(
      burst,
      burst.map(() => ['A=1']),
    );
    assert.equal(state.logins, 1);
    state.now += 60_000;
    assert.equal(await variables(), undefined, 'one alone reads them itself');
    assert.deepEqual(await variables(), ['A=2'], 'who changes them is heard');
  });

  it('is left to each program where it can’t be told', async () => {
    for (const answer of [
      undefined,
      printed(['BASH_FUNC_f%%=() { :; }']),
      printed(['no variable']),
      printed([], { limits: 'Max something else\n' }),
      printed([], { umask: 'welcome' }),
      printed(['A=1']).subarray(0, -1),
      Buffer.from('welcome'),
    ]) {
      const { state, variables } = reading(answer);
      await variables();
      assert.deepEqual(await Promise.all([variables(), variables()]), [undefined, undefined]);
      state.now += 5001;
      await variables();
      await variables();
      assert.equal(state.logins, 1, 'it is not tried again for a while');
    }
  });

  it('is another one for another login', async () => {
    const { state, environment } = reading(printed(['A=1']));
    await environment.forProgram(LOGIN);
    await environment.forProgram(LOGIN);
    await environment.forProgram({ ...LOGIN, shell: '/bin/zsh' });
    assert.equal(state.logins, 2);
  });
});
