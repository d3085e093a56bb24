import * as vscode from 'vscode';
import type { Hosts } from '../hosts';
import type { Log } from '../log';
import { HostTasks } from './hostTasks';
import { HostTerminals } from './hostTerminals';
import { Ports } from './ports';
import { TerminalLinks } from './terminalLinks';

/** All that runs on hosts for this window. */
export class Run implements vscode.Disposable {
  readonly terminals: HostTerminals;
  readonly ports: Ports;
  private readonly owned: vscode.Disposable;

  constructor(hosts: Hosts, memory: vscode.Memento, log: Log) {
    this.ports = new Ports(hosts, log);
    this.terminals = new HostTerminals(hosts, memory, log, this.ports.look);
    this.owned = vscode.Disposable.from(
      this.ports,
      this.terminals,
      new TerminalLinks(hosts, this.terminals.placeOf),
      new HostTasks(hosts, this.ports.look),
    );
  }

  dispose(): void {
    this.owned.dispose();
  }
}
