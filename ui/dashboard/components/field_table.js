const MOST = 60

function make(tag, className, text) {
  const node = document.createElement(tag)
  if (className) node.className = className
  if (text !== undefined) node.textContent = text
  return node
}

export function render({ model }) {
  const root = make('div', 'at')
  const details = make('details', 'box')
  details.open = model.is_open
  const summary = make('summary', '', model.title)
  const inside = make('div', 'inside')
  const input = make('input')
  Object.assign(input, { type: 'search', placeholder: 'Search by name or meaning', autocomplete: 'off', spellcheck: false })
  input.setAttribute('aria-label', `${model.title}: search by name or meaning`)
  const chips = make('div', 'chips')
  const scroll = make('div', 'scroll')
  scroll.tabIndex = 0
  scroll.setAttribute('role', 'region')
  scroll.setAttribute('aria-label', model.title)
  const status = make('div', 'hint')
  status.setAttribute('role', 'status')
  inside.append(input, chips, status, scroll)
  details.append(summary, inside)
  root.append(details)

  function act(name) {
    if (!model.chooses) return model.send_msg({ insert: name })
    model.chosen = model.chosen.includes(name) ? model.chosen.filter((one) => one !== name) : [...model.chosen, name]
  }

  function draw() {
    if (!details.open) return
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean)
    const found = model.fields.filter(({ name, meaning }) => {
      const text = `${name} ${meaning || ''}`.toLowerCase()
      return words.every((word) => text.includes(word))
    })
    const table = make('table')
    const head = table.createTHead().insertRow()
    for (const [text, css] of [['Field', ''], ['Unit', ''], ['Meaning', ''], ['Type', 'wide'], ['Null', 'num']]) {
      const cell = make('th', css, text)
      cell.scope = 'col'
      head.append(cell)
    }
    const body = table.createTBody()
    for (const field of found.slice(0, MOST)) {
      const row = body.insertRow()
      const button = make('button', 'pill')
      button.append(...field.name.split(/(?<=\.)/).flatMap((part) => [part, document.createElement('wbr')]))
      button.type = 'button'
      if (model.chooses) button.setAttribute('aria-pressed', String(model.chosen.includes(field.name)))
      button.setAttribute('aria-label', model.chooses ? field.name : `Insert ${field.name}`)
      button.addEventListener('click', () => act(field.name))
      row.insertCell().append(button)
      row.insertCell().textContent = field.unit || ''
      row.insertCell().textContent = field.meaning || ''
      row.append(make('td', 'wide', field.type))
      row.append(make('td', 'num', field.null))
    }
    scroll.replaceChildren(table)
    const more = found.length > MOST ? `, of which ${MOST} are shown: type a part of a name or a meaning` : ''
    status.textContent = model.fields.length ? `${found.length} of ${model.fields.length} fields${more}` : 'Reading the fields …'
  }

  function choose() {
    const nodes = model.chosen.map((name) => {
      const chip = make('span', 'chip', name)
      const button = make('button', '', '×')
      button.type = 'button'
      button.setAttribute('aria-label', `Remove ${name}`)
      button.addEventListener('click', () => { act(name); input.focus() })
      chip.append(button)
      return chip
    })
    chips.replaceChildren(...(model.chooses ? nodes : []))
    for (const button of scroll.querySelectorAll('button'))
      if (model.chooses) button.setAttribute('aria-pressed', String(model.chosen.includes(button.textContent)))
  }

  details.addEventListener('toggle', () => { if (details.open) { model.send_msg({ open: true }); draw() } })
  input.addEventListener('input', draw)
  model.on('fields', draw)
  model.on('chosen', choose)
  model.on('is_open', () => { details.open = model.is_open })
  if (details.open) model.send_msg({ open: true })
  draw()
  choose()
  return root
}
