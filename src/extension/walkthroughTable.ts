/** The walkthrough, once; package.json's `contributes.walkthroughs` is made from it. The pictures are made by the tests. */

export interface WalkthroughStep {
  readonly id: string;
  readonly title: string;
  /** Markdown; a link on a line of its own is a button. */
  readonly description: string;
  /** media/walkthrough/NAME.png */
  readonly picture: string;
  readonly alt: string;
  readonly doneBy: readonly string[];
}

export const WALKTHROUGH: {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly steps: readonly WalkthroughStep[];
} = {
  id: 'start',
  title: 'Get Started with Livemount',
  description: 'Work live in folders of other machines, over SSH.',
  steps: [
    {
      id: 'connect',
      title: 'Open a folder of a host',
      description:
        'Pick a host of your SSH configuration, or type user@host:port. Then browse, or type a path: Tab completes it.\n[Open Folder…](command:livemount.openFolder)\nA host that is not in your SSH configuration yet can be [added](command:livemount.addHost).',
      picture: 'connect',
      alt: 'A picker with the folders of a host, and a path that is being typed',
      doneBy: ['onCommand:livemount.openFolder', 'onCommand:livemount.folder.open'],
    },
    {
      id: 'live',
      title: 'See it live',
      description:
        'What programs and people do on the host shows here as it happens: in the explorer and in open editors. Nothing has to be refreshed. Saves are on the host at once, and never overwrite what you have not seen.',
      picture: 'live',
      alt: 'A log that grows on the host, in an editor',
      doneBy: ['onView:livemount.hosts'],
    },
    {
      id: 'hosts',
      title: 'Know how the host is',
      description:
        'The Hosts view says whether a host and its mounts are live and well, how full they are, and what happened last.\n[Show Hosts](command:livemount.hosts.focus)',
      picture: 'hosts',
      alt: 'The Hosts view with a host, a plot of its changes and a mount',
      doneBy: ['onView:livemount.hosts'],
    },
    {
      id: 'mounts',
      title: 'Other filesystems in your folder',
      description:
        'NFS, USB disks, bind mounts: the explorer marks where they begin, and each is watched as well as it can be. One that hangs does not freeze the rest. Ask about any file.\n[Explain This File](command:livemount.explain)',
      picture: 'mounts',
      alt: 'Mount points marked in the explorer, and a page that explains a file',
      doneBy: ['onCommand:livemount.explain'],
    },
    {
      id: 'search',
      title: 'Search on the host',
      description:
        'Ctrl+Shift+F searches in files and Ctrl+P for names, both on the host: only matches travel. The editor’s own search cannot look into hosts.\n[Find in Files on Host…](command:livemount.find.inFiles)',
      picture: 'search',
      alt: 'The matches of a search on the host, by file',
      doneBy: ['onCommand:livemount.find.inFiles', 'onCommand:livemount.find.goToFile'],
    },
    {
      id: 'terminal',
      title: 'Run programs on the host',
      description:
        'A terminal of the host opens in the folder you are in, through the same connection; tasks run there too, and a port of the host can be opened here.\n[Open in Host Terminal](command:livemount.openTerminal)\nThe editor’s plain terminal runs on this machine.',
      picture: 'terminal',
      alt: 'A terminal on the host, below an editor',
      doneBy: ['onCommand:livemount.openTerminal'],
    },
    {
      id: 'git',
      title: 'Use the git of the host',
      description:
        'Source Control shows what changed in repositories of the host. Stage, commit, branch and push: the git on the host does it, with its own configuration and keys.\n[Show Source Control](command:workbench.view.scm)',
      picture: 'git',
      alt: 'Source Control with changed files of a repository on the host',
      doneBy: ['onView:workbench.view.scm'],
    },
    {
      id: 'local',
      title: 'Every program on the host’s folder',
      description:
        'On Linux a folder of a host can be one of this machine: debuggers, language servers, compilers and git of yours work in it, and hear of changes on the host as on a local disk.\n[Open as Local Folder](command:livemount.openLocal)\nThe Hosts view lists such folders, and ends them.',
      picture: 'local',
      alt: 'A window on a mounted folder, with a terminal of this machine in it',
      doneBy: ['onCommand:livemount.openLocal'],
    },
  ],
};
